"""A shift."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from calmops_flows.generators.clinic.effects.base import Effect, Place

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Shift(Effect):
    """Move values by a multiple of their standard deviation."""

    SIGNED: ClassVar[bool] = True
    kind: Literal["shift"] = "shift"
    size: float
    """In standard deviations."""

    def apply(self, values: NDArray[np.float64], place: Place) -> NDArray[np.float64]:
        """Move the values."""
        return values + self.size * place.sign * place.sd * place.strength
