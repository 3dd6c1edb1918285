"""Rows drawn anew: covariate shift by weights, and label shift to target shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from calmops_flows.generators.injection.base import Changed

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


def replaced(frame: pd.DataFrame, rows: NDArray[np.intp], sources: NDArray[np.intp]) -> Changed:
    """Put copies of other rows into some places; the table keeps its length and its index."""
    if not len(rows):
        return Changed(frame)
    origin = np.arange(len(frame))
    origin[rows] = sources
    taken = frame.iloc[origin]
    taken.index = frame.index
    return Changed(taken)
