"""Profile of numbers: every distinct value, or a grid with a stated rank error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from calmops_flows.profiles.arrow import as_floats, as_integers
from calmops_flows.profiles.column import (
    CountedColumn,
    NumericColumn,
    mean_autocorrelation,
    mean_rising,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

EXACT_ROWS = 10_000
EXACT_DISTINCT = 4_096
GRID_POINTS = 4_096
MAX_GRID_POINTS = 16_384
MAX_POINTS = 32_768
_ROWS_PER_POINT = 16
_TAIL_POINTS = 64
_CLIPPED_SHARE = 100
_UNIT_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


def is_number(kind: pa.DataType) -> bool:
    """Tell whether a column of this type is profiled as numbers."""
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_time(kind)
        or pa.types.is_duration(kind)
    )


def is_date(kind: pa.DataType) -> bool:
    """Tell whether a column of this type is profiled as dates."""
    return bool(pa.types.is_date(kind) or pa.types.is_timestamp(kind))


def summarise_numbers(name: str, column: pa.ChunkedArray) -> NumericColumn | CountedColumn:
    """Summarise a numeric or date column; whole numbers beyond 2**53 are rounded."""
    values = _present(column)
    n, n_missing = len(column), len(column) - len(values)
    if not len(values):
        return CountedColumn(name, "null", n, n_missing, str(column.type))
    kind: Literal["numeric", "date"] = "date" if is_date(column.type) else "numeric"
    in_order = values.copy()
    values.sort()
    last = np.flatnonzero(np.append(values[1:] != values[:-1], True))
    points, counts = values[last], np.diff(last + 1, prepend=0)
    rank_error = 0
    if len(values) > EXACT_ROWS and len(points) > EXACT_DISTINCT:
        n_points = min(max(len(values) // _ROWS_PER_POINT, GRID_POINTS), MAX_GRID_POINTS)
        points, counts, rank_error = _coarsen(points, counts, n_points)
    n_infinite = int(np.isinf(values).sum())
    return NumericColumn(
        name=name,
        kind=kind,
        n=n,
        n_missing=n_missing,
        n_infinite=n_infinite,
        values=points,
        counts=counts,
        rank_error=rank_error,
        rising=0.0 if kind == "date" else _rising(in_order, points),
        autocorrelation=0.0 if kind == "date" else _autocorrelation(in_order, values),
    )


def _rising(in_order: NDArray[np.float64], points: NDArray[np.float64]) -> float:
    """Return the share of rising steps of whole numbers; 0 when that tells nothing."""
    steps = len(in_order) - 1
    if steps < 1 or not (float(points[0]).is_integer() and float(points[-1]).is_integer()):
        return 0.0
    return round(int(np.count_nonzero(in_order[1:] > in_order[:-1])) / steps, 4)


def _autocorrelation(in_order: NDArray[np.float64], ordered: NDArray[np.float64]) -> float:
    """Correlate consecutive values, clipped so that no outlier decides; changes in_order."""
    edge = len(ordered) // _CLIPPED_SHARE
    low, high = ordered[edge], ordered[-1 - edge]
    if not (np.isfinite(low) and np.isfinite(high)) or low == high:
        return 0.0
    scale = max(abs(low), abs(high))
    np.clip(in_order, low, high, out=in_order)
    in_order /= scale
    in_order -= in_order.mean()
    total = float(np.einsum("i,i->", in_order, in_order))
    if total == 0.0:
        return 0.0
    return round(float(np.einsum("i,i->", in_order[1:], in_order[:-1])) / total, 4)


def merge_numbers(*columns: NumericColumn) -> NumericColumn:
    """Merge summaries of one kind; exact ones stay exact up to ``MAX_POINTS`` points."""
    values = np.concatenate([column.values for column in columns])
    order = np.argsort(values, kind="stable")
    values, counts = values[order], np.concatenate([column.counts for column in columns])[order]
    first = np.flatnonzero(np.append(True, values[1:] != values[:-1]))
    values, counts = values[first], np.add.reduceat(counts, first)
    rank_error = sum(column.rank_error for column in columns)
    if len(values) > MAX_POINTS:
        values, counts, added = _coarsen(values, counts, MAX_GRID_POINTS)
        rank_error += added
    return NumericColumn(
        name=columns[0].name,
        kind=columns[0].kind,
        n=sum(column.n for column in columns),
        n_missing=sum(column.n_missing for column in columns),
        n_infinite=sum(column.n_infinite for column in columns),
        values=values,
        counts=counts,
        rank_error=rank_error,
        autocorrelation=mean_autocorrelation(*columns),
        rising=mean_rising(*columns),
    )


def _coarsen(
    values: NDArray[np.float64], counts: NDArray[np.int64], n_points: int
) -> tuple[NDArray[np.float64], NDArray[np.int64], int]:
    """Keep points at equal ranks, and geometrically more of them in both tails.

    Without the latter, a heavy tail would sit on its largest value and distort
    every distance that is measured in units of the column.
    """
    cumulative = np.cumsum(counts)
    total = int(cumulative[-1])
    even = np.ceil(np.arange(1, n_points + 1) * (total / n_points))
    tail = np.rint(np.geomspace(1, max(total / n_points, 1), _TAIL_POINTS))
    targets = np.concatenate((even, tail, total + 1 - tail)).clip(1, total)
    kept = np.unique(np.searchsorted(cumulative, targets))
    moved_up = np.diff(cumulative[kept], prepend=0)
    return values[kept], moved_up, int((moved_up - counts[kept]).max())


def _present(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """Copy all values that are neither null nor NaN into one new array."""
    out = np.empty(len(column) - column.null_count)
    filled = 0
    for chunk in column.chunks:
        part = _floats(chunk.drop_null())
        part = part[~np.isnan(part)]
        out[filled : filled + len(part)] = part
        filled += len(part)
    out = out[:filled]
    out += 0.0  # -0.0 and 0.0 are one value; which one comes first must not matter
    return out


def _floats(chunk: pa.Array) -> NDArray[np.float64]:
    kind = chunk.type
    if pa.types.is_date32(kind):
        return as_integers(chunk.cast(pa.int32()).cast(pa.int64())) * 86_400.0
    if pa.types.is_date64(kind):
        return as_integers(chunk.cast(pa.int64())) * 1e-3
    if pa.types.is_time32(kind):
        return as_integers(chunk.cast(pa.int32()).cast(pa.int64())) * _UNIT_SECONDS[kind.unit]
    if pa.types.is_timestamp(kind) or pa.types.is_time64(kind) or pa.types.is_duration(kind):
        return as_integers(chunk.cast(pa.int64())) * _UNIT_SECONDS[kind.unit]
    return as_floats(pc.cast(chunk, pa.float64(), safe=False))
