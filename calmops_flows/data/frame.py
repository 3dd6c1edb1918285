"""A DataFrame, Arrow table or path as an Arrow table; an odd column spoils only itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from calmops_flows.data.batch import SUFFIXES, Limits, Request
from calmops_flows.data.readers.parquet import parquet_parts
from calmops_flows.data.table import read_table
from calmops_flows.errors import NotFoundError, SnapshotError, SpecError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd

MIXED = "Python objects of mixed or unknown types"
# ArrowInvalid, ArrowTypeError and ArrowNotImplementedError are among them.
_FAILURES = (ValueError, TypeError, NotImplementedError, OverflowError)


@dataclass(frozen=True, slots=True)
class Frame:
    """The columns that Arrow can hold, and the missing cells of those that it cannot.

    Attributes
    ----------
    n_rows : int
        Rows of the batch.
    table : pyarrow.Table
        Columns with a type.
    odd : mapping of str to int
        Missing cells by name of each other column.
    """

    n_rows: int
    table: pa.Table
    odd: Mapping[str, int] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all columns, the odd ones last."""
        return (*self.table.column_names, *self.odd)


def read_frame(batch: pa.Table | pa.RecordBatch | pd.DataFrame | str | Path) -> Frame:
    """Turn a batch into Arrow columns.

    Parameters
    ----------
    batch : Arrow table or record batch, DataFrame, or path of a data file
        Shape (n_rows, n_columns). The index of a DataFrame is ignored; column names
        that are no text are turned into text.

    Returns
    -------
    Frame
        With what could not be turned into Arrow set aside.

    Raises
    ------
    SpecError
        If the batch is of another type.
    NotFoundError
        If there is no such file.
    SnapshotError
        If the file cannot be read, or two columns have one name.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = read_frame(pd.DataFrame({"x": [1, 2, 3], "mixed": [1, "a", None]}))
    >>> frame.table.column_names, dict(frame.odd)
    (['x'], {'mixed': 1})
    """
    if isinstance(batch, pa.RecordBatch):
        batch = pa.table(batch)
    if isinstance(batch, pa.Table):
        _check_names(batch.column_names)
        return Frame(batch.num_rows, _plain(batch))
    if isinstance(batch, (str, Path)):
        if not Path(batch).is_file():
            raise NotFoundError(f"there is no file {str(batch)!r}")
        table = read_table(Path(batch), name=Path(batch).name).table
        return Frame(table.num_rows, _plain(table))
    if not hasattr(batch, "iloc") or not hasattr(batch, "columns"):
        raise SpecError(
            f"expected an Arrow table, a DataFrame or a path, got {type(batch).__name__!r}"
        )
    return _from_pandas(batch)


def read_frames(
    batch: pa.Table | pa.RecordBatch | pd.DataFrame | str | Path,
) -> Iterator[Frame]:
    """Yield a batch in consecutive parts: a parquet file is never held whole."""
    is_path = isinstance(batch, (str, Path)) and Path(batch).is_file()
    path = Path(str(batch)) if is_path else None
    if path is None or SUFFIXES.get(path.suffix.lower()) != "parquet" or not path.stat().st_size:
        yield read_frame(batch)
        return
    for part in parquet_parts(Request(path, path.name, "parquet", {}, None, Limits())):
        yield Frame(part.table.num_rows, _plain(part.table))


def _from_pandas(frame: pd.DataFrame) -> Frame:
    names = [str(name) for name in frame.columns]
    _check_names(names)
    arrays: dict[str, Any] = {}
    odd: dict[str, int] = {}
    for place, name in enumerate(names):
        values = frame.iloc[:, place]
        try:
            arrays[name] = pa.array(values, from_pandas=True)
        except _FAILURES:
            odd[name] = int(values.isna().sum())
    return Frame(len(frame), _plain(pa.table(arrays)), odd)


def _check_names(names: list[str]) -> None:
    twice = [repr(name) for name, times in Counter(names).items() if times > 1]
    if twice:
        more = f" … and {len(twice) - 10} more" if len(twice) > 10 else ""
        raise SnapshotError("duplicate_column", f"names occur twice: {', '.join(twice[:10])}{more}")


def _plain(table: pa.Table) -> pa.Table:
    """Replace layouts that few kernels know by the usual ones of the same values."""
    for place, column in enumerate(table.schema):
        kind = column.type
        if pa.types.is_string_view(kind):
            values = pc.cast(table.column(place), pa.large_string())
        elif pa.types.is_run_end_encoded(kind):
            values = pc.run_end_decode(table.column(place))
        else:
            continue
        table = table.set_column(place, column.name, values)
    return table
