"""Tables as columns by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from typing import Any

    import pyarrow as pa
    from numpy.typing import NDArray


def as_frame(data: pd.DataFrame | pa.Table) -> pd.DataFrame:
    """Return a table as a DataFrame; whole numbers of Arrow with gaps stay whole."""
    if isinstance(data, pd.DataFrame):
        return data
    frame: pd.DataFrame = data.to_pandas(types_mapper=_nullable().get)
    return frame


def as_given(frame: pd.DataFrame, data: pd.DataFrame | pa.Table) -> Any:
    """Return a DataFrame in the form in which data were given."""
    if isinstance(data, pd.DataFrame):
        return frame
    import pyarrow as pa

    return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)


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


def _nullable() -> dict[pa.DataType, Any]:
    import pyarrow as pa

    whole = {pa.int8(): pd.Int8Dtype(), pa.int16(): pd.Int16Dtype(), pa.int32(): pd.Int32Dtype()}
    unsigned = {
        pa.uint8(): pd.UInt8Dtype(),
        pa.uint16(): pd.UInt16Dtype(),
        pa.uint32(): pd.UInt32Dtype(),
        pa.uint64(): pd.UInt64Dtype(),
    }
    more = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
    return {**whole, **unsigned, **more, pa.string(): pd.StringDtype()}
