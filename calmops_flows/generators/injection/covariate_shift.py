"""Some values of X become likelier, y given X stays (Shimodaira, 2000)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from calmops_flows.generators.injection.base import Changed, Injector, drawn, numbers
from calmops_flows.generators.injection.resample import replaced

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


class CovariateShift(Injector):
    """Draw rows anew from the table, likelier where a column is high: whole rows, so y stays true.

    Each row's weight is ``exp(magnitude * rank)`` with the rank of its value between 0 and 1.
    """

    column: str
    magnitude: float
    """Logarithm of how much likelier the highest value is than the lowest; negative: the lowest."""

    def inject(
        self, frame: pd.DataFrame, strength: NDArray[np.float64], rng: np.random.Generator
    ) -> Changed:
        """Draw the rows."""
        values = numbers(frame, self.column)
        if not self.magnitude:
            return Changed(frame)
        filled = np.where(np.isnan(values), np.nanmedian(values), values)
        order = np.argsort(np.argsort(filled, kind="stable"))
        weight = np.exp(self.magnitude * (order / max(len(order) - 1, 1)))
        rows = np.flatnonzero(drawn(strength, 1.0, rng))
        sources = rng.choice(len(frame), len(rows), p=weight / weight.sum())
        return replaced(frame, rows, sources)
