"""A polynomial."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field

from calmops_flows.generators.clinic.effects.base import Effect, Place

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Polynomial(Effect):
    """Add a polynomial of the feature itself, or of another variable."""

    SIGNED: ClassVar[bool] = True
    kind: Literal["polynomial"] = "polynomial"
    coefficients: tuple[float, ...] = Field(min_length=1, max_length=10)
    """Of the powers 0, 1, 2 ... of the standardised variable, in standard deviations."""
    by: str | None = None
    """A numeric variable, condition, measure, or `time`; default: the feature itself."""

    @property
    def driver(self) -> str | None:
        """The variable that the effect follows, if it is another one."""
        return self.by

    def apply(self, values: NDArray[np.float64], place: Place) -> NDArray[np.float64]:
        """Add the polynomial."""
        added = np.polynomial.polynomial.polyval(place.scores(values), self.coefficients)
        return np.asarray(values + place.sd * place.sign * place.strength * added)
