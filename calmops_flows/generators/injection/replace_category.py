"""One category where another one stood."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from calmops_flows.errors import SpecError
from calmops_flows.generators.injection.base import Changed, Injector, drawn, put, require

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


class ReplaceCategory(Injector):
    """Write one known category over another."""

    column: str
    old: str | int | bool
    new: str | int | bool
    magnitude: float = Field(default=1.0, ge=0.0, le=1.0)
    """Share of the rows with the old category that get the new one."""

    def inject(
        self, frame: pd.DataFrame, strength: NDArray[np.float64], rng: np.random.Generator
    ) -> Changed:
        """Write the new category."""
        require(frame, [self.column])
        is_old = (frame[self.column] == self.old).to_numpy(dtype=bool, na_value=False)
        if not is_old.any():
            raise SpecError(f"column {self.column!r} holds no {self.old!r}")
        rows = is_old & drawn(strength, self.magnitude, rng)
        values = np.full(len(frame), self.new, dtype=object)
        return Changed(put(frame, self.column, values, rows))
