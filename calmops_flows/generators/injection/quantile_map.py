"""A new shape of a numeric column, rank by rank."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field, field_validator

from calmops_flows.generators.injection.base import Changed, Injector, numbers, put

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


class QuantileMap(Injector):
    """Move each value towards the same quantile of a distribution that you give."""

    columns: tuple[str, ...] = Field(min_length=1)
    quantiles: tuple[float, ...] = Field(min_length=2)
    """Values of the new distribution at equally spaced probabilities from 0 to 1, ascending."""
    magnitude: float = Field(default=1.0, ge=0.0, le=1.0)
    """How far on the way to the new value."""

    @field_validator("quantiles")
    @classmethod
    def _ascends(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if list(value) != sorted(value):
            raise ValueError("quantiles must ascend")
        return value

    def inject(
        self, frame: pd.DataFrame, strength: NDArray[np.float64], rng: np.random.Generator
    ) -> Changed:
        """Move the values."""
        del rng
        for name in self.columns:
            values = numbers(frame, name)
            known = np.sort(values[np.isfinite(values)])
            middle = np.searchsorted(known, values) + np.searchsorted(known, values, side="right")
            rank = np.clip(middle / (2.0 * len(known)), 0.0, 1.0)
            target = np.interp(rank, np.linspace(0.0, 1.0, len(self.quantiles)), self.quantiles)
            share = strength * self.magnitude
            moved = values + share * (target - values)
            frame = put(frame, name, moved, (share > 0) & np.isfinite(values))
        return Changed(frame)
