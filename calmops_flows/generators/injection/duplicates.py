"""Rows that come twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from calmops_flows.generators.injection.base import Changed, Injector, drawn

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


class Duplicates(Injector):
    """Insert a copy after some rows; the table grows."""

    magnitude: float = Field(ge=0.0, le=1.0)
    """Share of the rows that come twice."""

    def inject(
        self, frame: pd.DataFrame, strength: NDArray[np.float64], rng: np.random.Generator
    ) -> Changed:
        """Insert the copies."""
        twice = drawn(strength, self.magnitude, rng)
        if not twice.any():
            return Changed(frame)
        origin = np.repeat(np.arange(len(frame)), 1 + twice)
        return Changed(frame.iloc[origin].reset_index(drop=True), origin)
