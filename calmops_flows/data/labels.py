"""Labels that come later: tidy one file of them, and settle what many files say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class TidyLabels:
    """One label per key, sorted by key, and what was left out on the way.

    ``table`` has the columns ``key`` (text) and ``label``; ``dropped`` counts rows without
    key or label, ``contradictions`` the keys to which the file itself gives several labels.
    """

    table: pa.Table
    dropped: int
    contradictions: int


@dataclass(frozen=True, slots=True, eq=False)
class Settled:
    """The label of each row, after all files had their say.

    Attributes
    ----------
    values : pyarrow.Array of n values
        Null where nobody gave a label.
    is_contradicted : ndarray of shape (n,)
        Whether two files, or a file and the row itself, differ.
    matched : tuple of int
        Rows that each file speaks of.
    """

    values: pa.Array
    is_contradicted: NDArray[np.bool_]
    matched: tuple[int, ...]

    @property
    def is_labelled(self) -> NDArray[np.bool_]:
        """Mask of the rows that have a label."""
        return _mask(pc.is_valid(self.values))


def key_texts(column: pa.ChunkedArray) -> pa.Array:
    """Return keys as text, so that 7, 7.0 and "7" are one key.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
        Keys of any plain type.

    Returns
    -------
    pyarrow.Array
        Null where there is no key.

    Examples
    --------
    >>> key_texts(pa.chunked_array([[7.0, None]])).to_pylist()
    ['7', None]
    """
    column = plain(column)
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), None, column)
        whole = pc.all(pc.equal(column, pc.round(column))).as_py()
        if whole is not False:
            column = pc.cast(column, pa.int64(), safe=False)
    return _one_chunk(pc.cast(column, pa.string()))


def plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column without dictionary encoding."""
    if pa.types.is_dictionary(column.type):
        return pc.cast(column, column.type.value_type)
    return column


def tidy(keys: pa.Array, labels: pa.ChunkedArray) -> TidyLabels:
    """Keep one label per key of a file: the one in its last row.

    Parameters
    ----------
    keys : pyarrow.Array
        As `key_texts` gives them.
    labels : pyarrow.ChunkedArray
        As many labels; null and NaN are none.

    Examples
    --------
    >>> found = tidy(pa.array(["b", "a", "b"]), pa.chunked_array([[0, 1, 1]]))
    >>> found.table.to_pydict(), found.contradictions
    ({'key': ['a', 'b'], 'label': [1, 1]}, 1)
    """
    labels = plain(labels)
    if pa.types.is_floating(labels.type):
        labels = pc.if_else(pc.is_nan(labels), None, labels)
    table = pa.table({"key": keys, "label": labels})
    whole = table.filter(pc.and_(pc.is_valid(keys), pc.is_valid(_one_chunk(labels))))
    numbered = whole.append_column("row", pa.array(np.arange(whole.num_rows)))
    found = numbered.group_by("key").aggregate([("row", "max"), ("label", "count_distinct")])
    found = found.sort_by("key")
    kept = whole.take(found.column("row_max"))
    several = pc.sum(pc.greater(found.column("label_count_distinct"), 1)).as_py() or 0
    return TidyLabels(kept.combine_chunks(), table.num_rows - whole.num_rows, int(several))


def settle(keys: pa.Array, own: pa.Array, files: Sequence[pa.Table]) -> Settled:
    """Let label files speak in order; the last one that knows a row's key decides.

    Parameters
    ----------
    keys : pyarrow.Array
        Keys of the rows.
    own : pyarrow.Array
        Labels that came with the rows; null where there are none.
    files : sequence of pyarrow.Table
        Tidy label files, the one that decides last; their labels have the type of ``own``.

    Examples
    --------
    >>> first, second = (pa.table({"key": ["a"], "label": [label]}) for label in (0, 1))
    >>> settled = settle(pa.array(["a", "b"]), pa.nulls(2, pa.int64()), [first, second])
    >>> settled.values.to_pylist(), settled.is_contradicted
    ([1, None], array([ True, False]))
    """
    values = own
    is_contradicted = np.zeros(len(keys), dtype=bool)
    matched = []
    for file in files:
        at = pc.index_in(keys, value_set=_one_chunk(file.column("key")))
        is_known = pc.and_(pc.is_valid(at), pc.is_valid(keys))
        said = pc.take(_one_chunk(file.column("label")), at)
        is_contradicted |= _mask(pc.fill_null(pc.not_equal(values, said), False))
        values = pc.if_else(is_known, said, values)
        matched.append(int(pc.sum(is_known).as_py() or 0))
    return Settled(values, is_contradicted, tuple(matched))


def common_type(types: Sequence[pa.DataType]) -> pa.DataType:
    """Return a type that holds the labels of files which came before any contract.

    Examples
    --------
    >>> common_type([pa.int64(), pa.float64()]), common_type([pa.int64(), pa.string()])
    (DataType(double), DataType(string))
    """
    known = [kind for kind in dict.fromkeys(types) if not pa.types.is_null(kind)]
    if len(known) <= 1:
        return known[0] if known else pa.null()
    numbers = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)
    if all(any(is_number(kind) for is_number in numbers) for kind in known):
        return pa.float64()
    return pa.string()


def _one_chunk(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Return the values as one array."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return whole.combine_chunks() if isinstance(whole, pa.ChunkedArray) else whole


def _mask(values: pa.Array) -> NDArray[np.bool_]:
    return np.asarray(values.to_numpy(zero_copy_only=False), dtype=bool)
