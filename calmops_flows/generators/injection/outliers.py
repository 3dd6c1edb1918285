"""Values far outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from calmops_flows.generators.injection.base import Changed, Injector, drawn, numbers, put, spread

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


class Outliers(Injector):
    """Replace some values by ones far from the mean, on either side."""

    columns: tuple[str, ...] = Field(min_length=1)
    magnitude: float = Field(ge=0.0, le=1.0)
    """Share of the rows that get one."""
    distance: float = Field(default=8.0, gt=0.0)
    """How far, in standard deviations; up to half as far again."""

    def inject(
        self, frame: pd.DataFrame, strength: NDArray[np.float64], rng: np.random.Generator
    ) -> Changed:
        """Write the outliers."""
        for name in self.columns:
            values = numbers(frame, name)
            rows = drawn(strength, self.magnitude, rng)
            side = np.where(rng.random(len(values)) < 0.5, -1.0, 1.0)
            far = self.distance * (1.0 + 0.5 * rng.random(len(values)))
            centre = float(np.nanmean(np.where(np.isfinite(values), values, np.nan)))
            frame = put(frame, name, centre + side * far * (spread(values) or 1.0), rows)
        return Changed(frame)
