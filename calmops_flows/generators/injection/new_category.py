"""A category that was never there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pydantic import Field

from calmops_flows.errors import SpecError
from calmops_flows.generators.injection.base import Changed, Injector, drawn, put, require

if TYPE_CHECKING:
    from numpy.typing import NDArray


class NewCategory(Injector):
    """Write a category that the column did not have."""

    column: str
    value: str = "unseen"
    magnitude: float = Field(ge=0.0, le=1.0)
    """Share of the rows that get it."""

    def inject(
        self, frame: pd.DataFrame, strength: NDArray[np.float64], rng: np.random.Generator
    ) -> Changed:
        """Write the category."""
        require(frame, [self.column])
        column = frame[self.column]
        if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
            raise SpecError(f"column {self.column!r} holds no categories but {column.dtype}")
        if (column == self.value).any():
            raise SpecError(f"column {self.column!r} has the category {self.value!r} already")
        rows = drawn(strength, self.magnitude, rng)
        return Changed(put(frame, self.column, np.full(len(frame), self.value, dtype=object), rows))
