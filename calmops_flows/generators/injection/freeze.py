"""A sensor that repeats its last value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from calmops_flows.generators.injection.base import Changed, Injector, drawn, require

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


class Freeze(Injector):
    """Repeat the last value before the freeze in every frozen row."""

    columns: tuple[str, ...] = Field(min_length=1)
    magnitude: float = Field(default=1.0, ge=0.0, le=1.0)
    """Share of the rows that are frozen."""

    def inject(
        self, frame: pd.DataFrame, strength: NDArray[np.float64], rng: np.random.Generator
    ) -> Changed:
        """Repeat the values."""
        require(frame, self.columns)
        rows = drawn(strength, self.magnitude, rng)
        # The last row that is not frozen; a freeze from the start holds the first value.
        last = np.maximum.accumulate(np.where(rows, 0, np.arange(len(rows))))
        for name in self.columns:
            held = frame[name].iloc[last]
            held.index = frame.index
            frame[name] = frame[name].where(~rows, held)
        return Changed(frame)
