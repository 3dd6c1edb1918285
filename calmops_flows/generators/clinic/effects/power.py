"""A power."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from calmops_flows.errors import SpecError
from calmops_flows.generators.clinic.effects.base import Effect, Place

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Power(Effect):
    """Raise abundances to a power, in units of their centre: low ones fall, high ones rise."""

    kind: Literal["power"] = "power"
    exponent: float = Field(gt=0.0)

    def apply(self, values: NDArray[np.float64], place: Place) -> NDArray[np.float64]:
        """Raise the values."""
        exponent = self.exponent**place.strength
        if place.is_log2:
            return place.mean + (values - place.mean) * exponent
        if (values <= 0).any() or (place.mean <= 0).any():
            raise SpecError("the effect power needs positive values; use a measure of scale log")
        return np.asarray(place.mean * (values / place.mean) ** exponent)
