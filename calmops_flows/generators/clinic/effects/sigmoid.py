"""A rise that saturates."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field
from scipy.special import expit

from calmops_flows.generators.clinic.effects.base import Effect, Place

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Sigmoid(Effect):
    """Add a saturating rise that follows the feature itself, or another variable."""

    SIGNED: ClassVar[bool] = True
    kind: Literal["sigmoid"] = "sigmoid"
    height: float
    """Of the whole rise, in standard deviations."""
    midpoint: float = 0.0
    """Value of the standardised variable at half the height."""
    steepness: float = Field(default=1.0, gt=0.0)
    by: str | None = None
    """A numeric variable, condition, measure, or `time`; default: the feature itself."""

    @property
    def driver(self) -> str | None:
        """The variable that the effect follows, if it is another one."""
        return self.by

    def apply(self, values: NDArray[np.float64], place: Place) -> NDArray[np.float64]:
        """Add the rise."""
        share = expit(self.steepness * (place.scores(values) - self.midpoint))
        return np.asarray(values + self.height * place.sd * place.sign * place.strength * share)
