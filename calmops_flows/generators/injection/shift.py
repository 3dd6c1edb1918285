"""A shift of numeric columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from calmops_flows.generators.injection.base import Changed, Injector, numbers, put, spread

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


class Shift(Injector):
    """Move values by a multiple of the column's standard deviation."""

    columns: tuple[str, ...] = Field(min_length=1)
    magnitude: float
    """In standard deviations of the column; negative moves down."""

    def inject(
        self, frame: pd.DataFrame, strength: NDArray[np.float64], rng: np.random.Generator
    ) -> Changed:
        """Move the values."""
        del rng
        for name in self.columns:
            values = numbers(frame, name)
            by = strength * self.magnitude * spread(values)
            frame = put(frame, name, values + by, by != 0)
        return Changed(frame)
