"""Profile of categories: counts by level, and by hash bucket beyond a cap."""

from __future__ import annotations

import zlib
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from calmops_flows.profiles.arrow import as_integers, from_texts
from calmops_flows.profiles.column import CategoricalColumn, CountedColumn, mean_autocorrelation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

MAX_LEVELS = 4_096
MAX_LEVEL_BYTES = 256
TAIL_BUCKETS = 4_096
_SLICE = 65_536
_NO_TAIL = np.zeros(0, np.int64)


def is_category(kind: pa.DataType) -> bool:
    """Tell whether a column of this type is profiled as categories."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
        return is_category(kind) or bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))
    return bool(
        pa.types.is_boolean(kind)
        or pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
    )


def summarise_categories(name: str, column: pa.ChunkedArray) -> CategoricalColumn | CountedColumn:
    """Summarise a string, boolean or dictionary column."""
    levels, counts = _tally(column)
    present = levels.is_valid()
    n_missing = int(counts.sum())
    levels, counts = levels.drop_null(), counts[_mask(present)]
    n_missing -= int(counts.sum())
    if not len(levels):
        return CountedColumn(name, "null", len(column), n_missing, str(column.type))
    agreement = _autocorrelation(column, counts)
    kept, kept_counts, tail = _cap(levels, counts)
    return _column(name, len(column), n_missing, _sum(kept, kept_counts), tail, agreement)


def merge_categories(a: CategoricalColumn, b: CategoricalColumn) -> CategoricalColumn:
    """Merge two summaries; exact while all levels fit."""
    totals = _sum((*a.levels, *b.levels), np.concatenate((a.counts, b.counts)))
    tail = _full(a.tail) + _full(b.tail) if len(a.tail) or len(b.tail) else _NO_TAIL
    if len(totals) > MAX_LEVELS:
        counts = np.fromiter(totals.values(), np.int64, len(totals))
        kept, kept_counts, dropped = _cap(from_texts(list(totals)), counts)
        totals = _sum(kept, kept_counts)
        tail = _full(tail) + dropped
    agreement = mean_autocorrelation(a, b)
    return _column(a.name, a.n + b.n, a.n_missing + b.n_missing, totals, tail, agreement)


def pool_levels(column: CategoricalColumn, min_rows: int) -> CategoricalColumn:
    """Count the levels of fewer rows by hash bucket alone, without their names."""
    rare = column.counts < min_rows
    if not rare.any():
        return column
    by_name = list(zip(column.levels, rare.tolist(), strict=True))
    names = from_texts([name for name, is_rare in by_name if is_rare])
    return replace(
        column,
        levels=tuple(name for name, is_rare in by_name if not is_rare),
        counts=column.counts[~rare],
        tail=_full(column.tail) + _by_bucket(_hashes(names), column.counts[rare]),
    )


def bucket_counts(column: CategoricalColumn) -> NDArray[np.int64]:
    """Return the rows by hash bucket of their level, kept levels included.

    Parameters
    ----------
    column : CategoricalColumn
        Summary with or without a tail.

    Returns
    -------
    ndarray of shape (TAIL_BUCKETS,)
        Counts that do not depend on which levels were kept by name.
    """
    hashes = np.fromiter((zlib.crc32(level.encode()) for level in column.levels), np.int64)
    return _full(column.tail) + _by_bucket(hashes, column.counts)


def _tally(column: pa.ChunkedArray) -> tuple[pa.Array, NDArray[np.int64]]:
    """Count the distinct values; a null among them has its count too."""
    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    if pa.types.is_string_view(column.type):
        # pyarrow 26 counts the nulls of a string view as empty strings
        column = column.cast(pa.large_string())
    tally = pc.value_counts(column)
    values, counts = tally.field(0), as_integers(tally.field(1))
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    return values.cast(pa.large_string()), counts


def _cap(
    levels: pa.Array, counts: NDArray[np.int64]
) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64]]:
    """Split levels into those kept by name and a tail by hash bucket.

    The choice depends on counts and hashes alone, never on the order of rows:
    of levels that tie at the cap, none is kept.
    """
    sizes = as_integers(pc.binary_length(levels))
    kept = sizes <= MAX_LEVEL_BYTES
    if len(levels) <= MAX_LEVELS and kept.all():
        return levels.to_pylist(), counts, _NO_TAIL
    hashes = _hashes(levels)
    allowed = np.flatnonzero(kept)
    if len(allowed) > MAX_LEVELS:
        order = allowed[np.lexsort((hashes[allowed], -counts[allowed]))]
        cut = order[MAX_LEVELS]
        tied = (counts == counts[cut]) & (hashes == hashes[cut])
        kept = np.zeros(len(levels), bool)
        kept[order[:MAX_LEVELS]] = True
        kept &= ~tied
    tail = _by_bucket(hashes[~kept], counts[~kept])
    chosen = levels.filter(pa.Array.from_buffers(pa.bool_(), len(kept), [None, _bits(kept)]))
    return chosen.to_pylist(), counts[kept], tail


def _hashes(levels: pa.Array) -> NDArray[np.int64]:
    out = np.empty(len(levels), np.int64)
    for start in range(0, len(levels), _SLICE):
        part = levels.slice(start, _SLICE).cast(pa.large_binary()).to_pylist()
        out[start : start + len(part)] = [zlib.crc32(level) for level in part]
    return out


def _by_bucket(hashes: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    out = np.zeros(TAIL_BUCKETS, np.int64)
    np.add.at(out, hashes % TAIL_BUCKETS, counts)
    return out


def _full(tail: NDArray[np.int64]) -> NDArray[np.int64]:
    return tail if len(tail) else np.zeros(TAIL_BUCKETS, np.int64)


def _sum(levels: list[str] | tuple[str, ...], counts: NDArray[np.int64]) -> Counter[str]:
    totals: Counter[str] = Counter()
    for level, count in zip(levels, counts.tolist(), strict=True):
        totals[level] += count
    return totals


def _autocorrelation(column: pa.ChunkedArray, counts: NDArray[np.int64]) -> float:
    """Return how much more often consecutive rows agree than rows at random."""
    if len(column) < 2:
        return 0.0
    if pa.types.is_dictionary(column.type):
        chunks = column.unify_dictionaries().chunks
        column = pa.chunked_array([chunk.indices for chunk in chunks])
    if pa.types.is_string_view(column.type):
        column = column.cast(pa.large_string())
    agreed = pc.mean(pc.equal(column.slice(1), column.slice(0, len(column) - 1)).cast(pa.int8()))
    by_chance = float(((counts / counts.sum()) ** 2).sum())
    if not agreed.is_valid or by_chance >= 1.0:
        return 0.0
    return round((float(agreed.as_py()) - by_chance) / (1.0 - by_chance), 4)


def _column(
    name: str,
    n: int,
    n_missing: int,
    totals: Mapping[str, int],
    tail: NDArray[np.int64],
    autocorrelation: float,
) -> CategoricalColumn:
    levels = tuple(sorted(totals))
    counts = np.fromiter((totals[level] for level in levels), np.int64, len(levels))
    return CategoricalColumn(name, n, n_missing, levels, counts, tail, autocorrelation)


def _mask(valid: pa.Array) -> NDArray[np.bool_]:
    return as_integers(valid.cast(pa.int8()).cast(pa.int64())).astype(bool)


def _bits(mask: NDArray[np.bool_]) -> pa.Buffer:
    return pa.py_buffer(np.packbits(mask, bitorder="little"))
