"""Tables as columns by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray


def columns_of(frame: pd.DataFrame) -> dict[str, NDArray[Any]]:
    """Return the columns as arrays: numbers as numbers, categories as objects."""
    return {str(name): _array(frame[name]) for name in frame.columns}


def _array(column: pd.Series) -> NDArray[Any]:
    if pd.api.types.is_bool_dtype(column) and not column.hasnans:
        return column.to_numpy(dtype=bool)
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(dtype=float, na_value=np.nan)
    if pd.api.types.is_datetime64_any_dtype(column):
        return column.to_numpy()
    return column.to_numpy(dtype=object)


def differs(before: pd.Series, after: pd.Series) -> NDArray[np.bool_]:
    """Return where two columns of equal length differ; two missing values are the same."""
    left, right = before.to_numpy(dtype=object), after.to_numpy(dtype=object)
    gone_left, gone_right = before.isna().to_numpy(), after.isna().to_numpy()
    both = ~gone_left & ~gone_right
    found = gone_left != gone_right
    found[both] |= np.asarray(left[both] != right[both], dtype=bool)
    return np.asarray(found)
