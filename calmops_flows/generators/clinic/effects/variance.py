"""Another spread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from calmops_flows.generators.clinic.effects.base import Effect, Place

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Variance(Effect):
    """Multiply the variance, the mean stays."""

    kind: Literal["variance"] = "variance"
    ratio: float = Field(gt=0.0)
    """Variance with the effect by variance without."""

    def apply(self, values: NDArray[np.float64], place: Place) -> NDArray[np.float64]:
        """Spread the values around their mean."""
        return place.mean + (values - place.mean) * self.ratio ** (0.5 * place.strength)
