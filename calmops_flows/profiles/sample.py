"""Bounded random sample of rows: the same whatever the chunks, workers and merges."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from calmops_flows.errors import ProfileError
from calmops_flows.profiles.arrow import from_numbers, from_texts
from calmops_flows.profiles.categorical import MAX_LEVEL_BYTES, is_category
from calmops_flows.profiles.numeric import is_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SAMPLE_ROWS = 1_000
_SLICE = 1 << 20
_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_LONG = "sha256:"
_NAN = from_numbers(np.full(1, np.nan))[0]  # pyarrow.scalar would import pandas


@dataclass(frozen=True, slots=True, eq=False)
class RowSample:
    """The rows of a batch whose hashes are smallest [1]_.

    A row's hash comes from the key of its file and its number in it, so it is a
    random number that every worker draws alike. The rows are values of the user.

    Attributes
    ----------
    size : int
        Most rows that are kept.
    hashes : ndarray of shape (n_rows,)
        Increasing hashes of the rows kept.
    rows : pyarrow.Table
        The rows, in the order of the hashes, columns sorted by name: numbers as
        float64 (NaN where missing), categories as text (null where missing). Dates,
        other types and columns without any value are left out.

    References
    ----------
    .. [1] E. Cohen, H. Kaplan, Summarizing data using bottom-k sketches,
       PODC 2007, 225-234.
    """

    size: int
    hashes: NDArray[np.uint64]
    rows: pa.Table


def sample_rows(
    table: pa.Table,
    key: str,
    *,
    columns: Sequence[str] | None = None,
    first_row: int = 0,
    size: int = SAMPLE_ROWS,
) -> RowSample:
    """Draw the bounded sample of a table.

    Parameters
    ----------
    table : pyarrow.Table
        Batch of rows.
    key : str
        What identifies the file, such as its digest. Batches of different data
        need different keys; parts of one file share one.
    columns : sequence of str, optional
        Names of the columns to keep, default all.
    first_row : int, default 0
        Number of the first row of this table in its file.
    size : int, default SAMPLE_ROWS
        Most rows to keep.

    Returns
    -------
    RowSample
        Independent of the chunks of the table.

    Examples
    --------
    >>> import pyarrow as pa
    >>> whole = pa.table({"x": list(range(100))})
    >>> sample_rows(whole, "a digest", size=4).rows["x"].to_pylist()
    [34.0, 87.0, 58.0, 97.0]
    """
    names = table.column_names if columns is None else columns
    names = [name for name in names if _is_kept(table.schema.field(name).type)]
    hashes, places = _smallest(key, first_row, table.num_rows, size)
    picked = {name: _pick(table.column(name), places) for name in names}
    return RowSample(size, hashes, _rows(picked))


def merge_samples(a: RowSample, b: RowSample) -> RowSample:
    """Return the sample of the rows of both batches.

    Exactly associative and commutative. A row that is in both batches (same key
    and number) is one row.

    Parameters
    ----------
    a, b : RowSample
        Samples; a column that only one has is missing in all rows of the other.

    Returns
    -------
    RowSample
        As drawn from all rows at once, of the smaller of both sizes.

    Raises
    ------
    ProfileError
        If a column holds numbers in one sample and categories in the other.
    """
    size = min(a.size, b.size)
    hashes, places = np.unique(np.concatenate((a.hashes, b.hashes)), return_index=True)
    places = places[:size].astype(np.int64)
    names = {*a.rows.column_names, *b.rows.column_names}
    columns = {name: _joined(name, a, b).take(from_numbers(places)) for name in names}
    return RowSample(size, hashes[:size], _rows(columns))


def shrink(sample: RowSample, size: int) -> RowSample:
    """Return the sample that a smaller bound would have drawn.

    Parameters
    ----------
    sample : RowSample
        Any sample.
    size : int
        Most rows to keep.

    Returns
    -------
    RowSample
        The first rows of the sample.
    """
    size = min(size, sample.size)
    return replace(sample, size=size, hashes=sample.hashes[:size], rows=sample.rows.slice(0, size))


def row_hashes(key: str, first_row: int, n_rows: int) -> NDArray[np.uint64]:
    """Return the hashes of consecutive rows of a file [1]_.

    Parameters
    ----------
    key : str
        What identifies the file.
    first_row, n_rows : int
        Rows ``first_row .. first_row + n_rows - 1``.

    Returns
    -------
    ndarray of shape (n_rows,)
        Different for different rows of a file.

    References
    ----------
    .. [1] G. L. Steele, D. Lea, C. H. Flood, Fast splittable pseudorandom number
       generators, OOPSLA 2014, 453-472 (the finaliser of SplitMix64).
    """
    digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
    x = np.arange(first_row, first_row + n_rows, dtype=np.uint64)
    x *= _STEP
    x += np.uint64(int.from_bytes(digest, "little"))
    for shift, factor in zip((30, 27), _MIX, strict=True):
        x ^= x >> np.uint64(shift)
        x *= factor
    x ^= x >> np.uint64(31)
    return x


def _smallest(
    key: str, first_row: int, n_rows: int, size: int
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return the smallest hashes, increasing, and the places of their rows."""
    hashes, places = np.zeros(0, np.uint64), np.zeros(0, np.int64)
    for start in range(0, n_rows, _SLICE):
        drawn = row_hashes(key, first_row + start, min(_SLICE, n_rows - start))
        if len(hashes) == size:
            found = np.flatnonzero(drawn < hashes[-1])
        else:
            found = np.argpartition(drawn, min(size, len(drawn)) - 1)[:size]
        hashes = np.concatenate((hashes, drawn[found]))
        places = np.concatenate((places, found + start))
        order = np.argsort(hashes)[:size]
        hashes, places = hashes[order], places[order]
    return hashes, places


def _pick(column: pa.ChunkedArray, places: NDArray[np.int64]) -> pa.Array:
    """Take these rows of a column, chunk by chunk: only they are converted."""
    order = np.argsort(places)
    inside = places[order]
    parts, start = [], 0
    for chunk in column.chunks:
        low, high = np.searchsorted(inside, (start, start + len(chunk)))
        if low < high:
            taken = chunk.take(from_numbers(inside[low:high] - start))
            parts.append(_plain(taken))
        start += len(chunk)
    if not parts:
        return pa.nulls(0)
    back = np.empty(len(order), np.int64)
    back[order] = np.arange(len(order))
    return pa.concat_arrays(parts).take(from_numbers(back))


def _plain(values: pa.Array) -> pa.Array:
    """Return numbers as float64, categories as text, both with nulls."""
    kind = values.type
    if pa.types.is_null(kind):
        return values
    if is_category(kind):
        if pa.types.is_dictionary(kind):
            values = values.dictionary_decode()
        return _short(values.cast(pa.large_string()))
    if pa.types.is_time32(kind):
        values = values.cast(pa.int32())
    elif pa.types.is_time(kind) or pa.types.is_duration(kind):
        values = values.cast(pa.int64())
    return pc.cast(values, pa.float64(), safe=False)


def _short(texts: pa.Array) -> pa.Array:
    """Replace long texts by their digests, so that a sample stays small."""
    longest = pc.max(pc.binary_length(texts)).as_py()
    if longest is None or longest <= MAX_LEVEL_BYTES:
        return texts
    levels = texts.to_pylist()
    is_long = [level is not None and len(level.encode()) > MAX_LEVEL_BYTES for level in levels]
    digests = [
        _LONG + hashlib.sha256(level.encode()).hexdigest() if long else level or ""
        for level, long in zip(levels, is_long, strict=True)
    ]
    return pc.if_else(texts.is_valid(), from_texts(digests), pa.nulls(len(texts), texts.type))


def _rows(columns: dict[str, pa.Array]) -> pa.Table:
    """Return the one form that these values have, whatever they were cut from."""
    settled = {name: _settle(columns[name]) for name in sorted(columns)}
    return pa.table({name: column for name, column in settled.items() if column is not None})


def _settle(values: pa.Array) -> pa.Array | None:
    if not pa.types.is_floating(values.type):
        return None if values.null_count == len(values) else values
    # a NaN has many bit patterns, and a null hides any value
    is_missing = pc.is_null(values, nan_is_null=True)
    if pc.all(is_missing).as_py():
        return None
    return pc.if_else(is_missing, _NAN, values)


def _joined(name: str, a: RowSample, b: RowSample) -> pa.Array:
    owners = [sample for sample in (a, b) if name in sample.rows.column_names]
    kinds = {sample.rows.field(name).type for sample in owners}
    if len(kinds) > 1:
        raise ProfileError(
            f"cannot merge row samples: column {name!r} holds numbers and categories"
        )
    kind = kinds.pop()
    parts: list[pa.Array] = []
    for sample in (a, b):
        held = sample in owners
        chunks = sample.rows.column(name).chunks if held else [pa.nulls(len(sample.hashes), kind)]
        parts.extend(chunks)
    return pa.concat_arrays(parts)


def _is_kept(kind: pa.DataType) -> bool:
    return is_number(kind) or is_category(kind) or bool(pa.types.is_null(kind))
