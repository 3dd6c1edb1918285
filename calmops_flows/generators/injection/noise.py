"""Normal noise on numeric columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from calmops_flows.generators.injection.base import Changed, Injector, numbers, put, spread

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


class Noise(Injector):
    """Add normal noise."""

    columns: tuple[str, ...] = Field(min_length=1)
    magnitude: float = Field(ge=0.0)
    """Standard deviation of the noise, in standard deviations of the column."""

    def inject(
        self, frame: pd.DataFrame, strength: NDArray[np.float64], rng: np.random.Generator
    ) -> Changed:
        """Add the noise."""
        for name in self.columns:
            values = numbers(frame, name)
            size = strength * self.magnitude * spread(values)
            frame = put(frame, name, values + size * rng.standard_normal(len(values)), size > 0)
        return Changed(frame)
