"""A fold change."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field

from calmops_flows.generators.clinic.effects.base import Effect, Place

if TYPE_CHECKING:
    from numpy.typing import NDArray


class FoldChange(Effect):
    """Multiply abundances."""

    SIGNED: ClassVar[bool] = True
    kind: Literal["fold_change"] = "fold_change"
    fold: float = Field(gt=0.0)
    """Factor; below 1 lowers."""

    def apply(self, values: NDArray[np.float64], place: Place) -> NDArray[np.float64]:
        """Multiply the values, or add to their logarithms."""
        log2 = np.log2(self.fold) * place.sign * place.strength
        return np.asarray(values + log2 if place.is_log2 else values * np.exp2(log2))
