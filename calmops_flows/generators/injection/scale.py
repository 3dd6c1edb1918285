"""A change of spread."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from calmops_flows.generators.injection.base import Changed, Injector, numbers, put

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


class Scale(Injector):
    """Stretch values about the column's mean."""

    columns: tuple[str, ...] = Field(min_length=1)
    magnitude: float = Field(gt=-1.0)
    """By so much the spread grows: 0.5 is half as wide again, -0.5 half as wide."""

    def inject(
        self, frame: pd.DataFrame, strength: NDArray[np.float64], rng: np.random.Generator
    ) -> Changed:
        """Stretch the values."""
        del rng
        for name in self.columns:
            values = numbers(frame, name)
            centre = float(np.nanmean(np.where(np.isfinite(values), values, np.nan)))
            by = strength * self.magnitude
            frame = put(frame, name, centre + (values - centre) * (1.0 + by), by != 0)
        return Changed(frame)
