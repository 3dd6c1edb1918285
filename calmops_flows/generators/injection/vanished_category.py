"""A category that comes no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from calmops_flows.errors import SpecError
from calmops_flows.generators.injection.base import Changed, Injector, drawn, put, require

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


class VanishedCategory(Injector):
    """Give rows with one category one of the others, drawn as often as they occur."""

    column: str
    value: str | int | bool
    magnitude: float = Field(default=1.0, ge=0.0, le=1.0)
    """Share of its rows that lose it."""

    def inject(
        self, frame: pd.DataFrame, strength: NDArray[np.float64], rng: np.random.Generator
    ) -> Changed:
        """Write the other categories."""
        require(frame, [self.column])
        column = frame[self.column]
        is_gone = (column == self.value).to_numpy(dtype=bool, na_value=False)
        others = column[~is_gone].dropna().to_numpy(dtype=object)
        if not is_gone.any() or not len(others):
            raise SpecError(f"column {self.column!r} must hold {self.value!r} and something else")
        rows = is_gone & drawn(strength, self.magnitude, rng)
        values = np.empty(len(frame), dtype=object)
        values[rows] = rng.choice(others, int(rows.sum()))
        return Changed(put(frame, self.column, values, rows))
