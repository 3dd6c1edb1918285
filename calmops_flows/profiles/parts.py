"""Columns in parts of a fixed number of rows, each small enough to send away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable

PART_ROWS = 1 << 20


@dataclass(frozen=True, slots=True)
class Part:
    """Consecutive rows of one column; its pickle holds no row but them.

    Attributes
    ----------
    name : str
        Name of the column.
    values : pyarrow.ChunkedArray
        Its values in these rows.
    """

    name: str
    values: pa.ChunkedArray

    def __reduce__(self) -> tuple[Callable[[str, pa.Buffer], Part], tuple[str, pa.Buffer]]:
        # a sliced array is pickled with the whole buffer that it lies in
        table = pa.Table.from_arrays([self.values], names=["values"])
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return _read, (self.name, sink.getvalue())


def split(name: str, column: pa.ChunkedArray, part_rows: int) -> list[Part]:
    """Cut a column into parts; the last may be shorter, an empty column is one part.

    Parameters
    ----------
    name : str
        Name of the column.
    column : pyarrow.ChunkedArray
        Its values.
    part_rows : int
        Rows of a part, at least 1.

    Returns
    -------
    list of Part
        Of the same memory, in the order of the rows.

    Examples
    --------
    >>> import pyarrow as pa
    >>> [len(part.values) for part in split("x", pa.chunked_array([[1, 2], [3, 4, 5]]), 3)]
    [3, 2]
    """
    starts = range(0, max(len(column), 1), part_rows)
    return [Part(name, column.slice(start, part_rows)) for start in starts]


def _read(name: str, stream: pa.Buffer) -> Part:
    with pa.ipc.open_stream(stream) as reader:
        return Part(name, reader.read_all().column(0))
