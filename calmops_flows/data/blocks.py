"""Blocks: slices of a file by its block column, each known by its id and its own rows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from calmops_flows.data.source import natural_key
from calmops_flows.errors import SnapshotError

if TYPE_CHECKING:
    from collections.abc import Iterator

# Hashed with every block, so that another way to write rows can never be taken for this one.
_FORM = b"calmops block 1\0"


@dataclass(frozen=True, slots=True)
class Block:
    """The rows of one block of a file, in file order."""

    id: str
    table: pa.Table


def label_blocks(table: pa.Table, column: str) -> pa.Table:
    """Turn the block column into text, so that ids of any type can meet in one pipeline.

    Whole numbers lose a decimal point that a reader gave them; dates and times are
    written in ISO form.

    Parameters
    ----------
    table : pyarrow.Table
        Rows as a reader gives them.
    column : str
        Name of the block column.

    Returns
    -------
    pyarrow.Table
        The same rows; the block column is of strings without nulls.

    Raises
    ------
    SnapshotError
        ``missing_column``, or ``block_id`` when a row has no id.

    Examples
    --------
    >>> label_blocks(pa.table({"b": [1.0, 10.0]}), "b").to_pylist()
    [{'b': '1'}, {'b': '10'}]
    """
    if table.column_names.count(column) != 1:
        found = "more than once" if column in table.column_names else "not there"
        raise SnapshotError("missing_column", f"block.column {column!r} is {found}")
    ids = _texts(table.column(column), column)
    blank = pc.or_kleene(pc.is_null(ids), pc.equal(pc.utf8_trim_whitespace(ids), ""))
    n_blank = int(pc.sum(blank).as_py() or 0)
    if n_blank:
        first = int(pc.index(blank, value=True).as_py()) + 1
        raise SnapshotError(
            "block_id", f"column {column!r} is empty in {n_blank} rows, the first is row {first}"
        )
    return table.set_column(table.column_names.index(column), column, ids)


def split_blocks(table: pa.Table, column: str) -> Iterator[Block]:
    """Give the blocks of a labelled table in natural order.

    Parameters
    ----------
    table : pyarrow.Table
        From `label_blocks`.
    column : str
        Name of the block column.

    Yields
    ------
    Block
        One per id; ``2`` comes before ``10``, and numbers before words.

    Examples
    --------
    >>> table = pa.table({"b": ["b10", "b2", "b10"], "x": [1, 2, 3]})
    >>> [(block.id, block.table["x"].to_pylist()) for block in split_blocks(table, "b")]
    [('b2', [2]), ('b10', [1, 3])]
    """
    table = table.combine_chunks()  # or every take() below would do it again
    chunks = table.column(column).chunks or [pa.array([], pa.string())]
    ids = pa.concat_arrays(chunks).dictionary_encode()
    codes = np.asarray(ids.indices)
    sorted_rows = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[sorted_rows], np.arange(len(ids.dictionary) + 1))
    names = ids.dictionary.to_pylist()
    for code in sorted(range(len(names)), key=lambda code: natural_key(names[code])):
        rows = sorted_rows[starts[code] : starts[code + 1]]
        yield Block(names[code], table.take(pa.array(rows)))


def block_digest(block: str, table: pa.Table) -> str:
    """Return the identity of a block: sha256 over its id and its rows.

    The rows are hashed as an Arrow IPC stream, in file order and in the types of the
    table. Missing cells are written as a mask and a fixed value, for Arrow says nothing
    about the bytes below them.

    Parameters
    ----------
    block : str
        Its id.
    table : pyarrow.Table
        Its rows, under the contract.

    Returns
    -------
    str
        64 hexadecimal digits.

    Examples
    --------
    >>> rows = pa.table({"x": [1, None]})
    >>> block_digest("a", rows) == block_digest("a", rows.slice(0, 2).combine_chunks())
    True
    >>> block_digest("a", rows) == block_digest("b", rows)
    False
    """
    hashed = hashlib.sha256(_FORM)
    name = block.encode("utf-8", "surrogatepass")
    hashed.update(len(name).to_bytes(8, "big") + name)
    plain = _plain(table)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, plain.schema) as stream:
        for batch in plain.combine_chunks().to_batches():
            stream.write_batch(batch)
    hashed.update(sink.getvalue())
    return hashed.hexdigest()


def _texts(ids: pa.ChunkedArray, column: str) -> pa.ChunkedArray:
    if pa.types.is_dictionary(ids.type):
        ids = pc.cast(ids, ids.type.value_type)
    if pa.types.is_floating(ids.type):
        ids = pc.if_else(pc.is_nan(ids), None, ids)
        if pc.all(pc.equal(ids, pc.floor(ids))).as_py():
            ids = pc.cast(ids, pa.int64(), safe=False)
    try:
        return pc.cast(ids, pa.string())
    except pa.ArrowNotImplementedError as err:
        raise SnapshotError(
            "block_id", f"column {column!r} is of type {ids.type}, which names no block"
        ) from err


def _plain(table: pa.Table) -> pa.Table:
    """Write each column as values without nulls and a mask."""
    columns = {}
    for position, column in enumerate(table.columns):
        columns[f"missing {position}"] = pc.cast(pc.is_null(column), pa.uint8())
        columns[f"{table.column_names[position]} {position}"] = _filled(column)
    return pa.table(columns)


def _filled(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_dictionary(column.type):
        column = pc.cast(column, column.type.value_type)
    kind = column.type
    if pa.types.is_null(kind):
        return pa.chunked_array([pa.nulls(len(column))])
    if pa.types.is_boolean(kind):
        column, kind = pc.cast(column, pa.uint8()), pa.uint8()
    if column.null_count == 0:
        return column
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    zero = pa.scalar("", kind) if is_text else pa.scalar(0, pa.int64()).cast(_cell(kind)).cast(kind)
    return pc.fill_null(column, zero)


def _cell(kind: pa.DataType) -> pa.DataType:
    """Return the number type that a fixed-width type can be read from."""
    return pa.int32() if pa.types.is_date32(kind) else pa.int64()
