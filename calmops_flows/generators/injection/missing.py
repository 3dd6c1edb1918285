"""Missing values: at random, by another column, or by themselves (Rubin, 1976)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from calmops_flows.generators.injection.base import Changed, Injector, drawn, require

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Missing(Injector):
    """Remove values."""

    columns: tuple[str, ...] = Field(min_length=1)
    magnitude: float = Field(ge=0.0, le=1.0)
    """Share of the values that go, over all rows that the drift acts on."""
    mechanism: Literal["mcar", "mar", "mnar"] = "mcar"
    """Completely at random; likelier where `by` is high; likelier where the value is high."""
    by: str | None = None
    """mar: the column that decides."""

    @model_validator(mode="after")
    def _fits(self) -> Missing:
        if (self.mechanism == "mar") != (self.by is not None):
            raise ValueError("by belongs to the mechanism mar, and mar needs it")
        return self

    def inject(
        self, frame: pd.DataFrame, strength: NDArray[np.float64], rng: np.random.Generator
    ) -> Changed:
        """Remove the values."""
        require(frame, [*self.columns, *([self.by] if self.by else [])])
        # Who decides is read before anything goes.
        ranks = {name: self._rank(frame[self.by or name]) for name in self.columns}
        for name in self.columns:
            if self.mechanism == "mcar":
                gone = drawn(strength, self.magnitude, rng)
            else:
                gone = drawn(strength * _rising(ranks[name], self.magnitude), 1.0, rng)
            gone &= frame[name].notna().to_numpy()
            frame[name] = frame[name].mask(gone)
        return Changed(frame)

    def _rank(self, column: pd.Series) -> NDArray[np.float64]:
        codes = column if pd.api.types.is_numeric_dtype(column) else column.astype("string")
        return codes.rank(pct=True, na_option="top").to_numpy(dtype=float) - 0.5 / max(
            len(column), 1
        )


def _rising(rank: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """Return probabilities that grow with the rank and have this mean over uniform ranks."""
    if share <= 0.5:
        return np.asarray(2.0 * share * rank)
    return np.asarray(1.0 - 2.0 * (1.0 - share) * (1.0 - rank))
