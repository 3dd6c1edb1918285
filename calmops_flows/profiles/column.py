"""Frozen summaries of one column: numbers, categories, or counts alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class NumericColumn:
    """Empirical distribution of a numeric or date column.

    The step function ``estimate(x) = sum(counts[values <= x])`` is known to
    lie below the true count by at most ``rank_error`` rows, at every ``x``:
    ``estimate(x) <= #{rows <= x} <= estimate(x) + rank_error``. The points are
    values of the user's rows.

    Attributes
    ----------
    name : str
        Name of the column.
    kind : {"numeric", "date"}
        Dates are seconds since 1970-01-01 UTC.
    n : int
        Rows, missing ones included.
    n_missing : int
        Rows that are null or NaN.
    n_infinite : int
        Rows that are plus or minus infinity; they are values like others.
    values : ndarray of shape (n_points,)
        Increasing points; every distinct value when ``rank_error`` is 0.
    counts : ndarray of shape (n_points,)
        Rows in ``(previous point, this point]``.
    rank_error : int
        Largest error of any rank, in rows; 0 when the column is exact.
    autocorrelation : float
        Correlation of consecutive rows' values, clipped to their central 98 %.
    rising : float
        Share of rows whose value exceeds that of the row before, for whole numbers; else 0.
    inflation : float
        Rows that tell as much as one independent row; set by a policy for
        dependent rows, never stored.
    """

    name: str
    kind: Literal["numeric", "date"]
    n: int
    n_missing: int
    n_infinite: int
    values: NDArray[np.float64]
    counts: NDArray[np.int64]
    rank_error: int
    autocorrelation: float = 0.0
    rising: float = 0.0
    inflation: float = 1.0

    @property
    def n_present(self) -> int:
        """Rows that have a value."""
        return self.n - self.n_missing

    def ranks(self, points: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the estimated number of rows at or below each point."""
        cumulative = np.concatenate(([0], np.cumsum(self.counts)))
        found: NDArray[np.int64] = cumulative[np.searchsorted(self.values, points, side="right")]
        return found


@dataclass(frozen=True, slots=True, eq=False)
class CategoricalColumn:
    """Counts of the levels of a string, boolean or dictionary column.

    Memory is bounded: at most ``MAX_LEVELS`` levels are kept by name (those of
    the largest counts, and none above ``MAX_LEVEL_BYTES``). The rows of all
    others are counted in ``TAIL_BUCKETS`` buckets by the CRC-32 of the level, so
    that `bucket_counts` is exact for any number of levels, in any order of rows
    and of merges, and two such columns stay comparable.

    Attributes
    ----------
    name : str
        Name of the column.
    n : int
        Rows, missing ones included.
    n_missing : int
        Rows that are null.
    levels : tuple of str
        Levels kept by name, sorted.
    counts : ndarray of shape (n_levels,)
        Rows of each level; a lower bound after a merge if there is a tail.
    tail : ndarray of shape (TAIL_BUCKETS,) or (0,)
        Rows of the levels not kept, by bucket; empty when all levels are kept.
    autocorrelation : float
        How much more often consecutive rows share a level than rows at random, 1
        when they always do.
    inflation : float
        Rows that tell as much as one independent row; set by a policy for
        dependent rows, never stored.
    """

    kind: ClassVar[str] = "categorical"

    name: str
    n: int
    n_missing: int
    levels: tuple[str, ...]
    counts: NDArray[np.int64]
    tail: NDArray[np.int64]
    autocorrelation: float = 0.0
    inflation: float = 1.0

    @property
    def n_present(self) -> int:
        """Rows that have a value."""
        return self.n - self.n_missing


@dataclass(frozen=True, slots=True, eq=False)
class CountedColumn:
    """A column of which only rows and missing values are counted.

    Attributes
    ----------
    name : str
        Name of the column.
    kind : {"null", "opaque"}
        ``"null"``: no value at all. ``"opaque"``: values of a type that has no
        distribution here (lists, structs, binary).
    n : int
        Rows, missing ones included.
    n_missing : int
        Rows that are null or NaN.
    type : str
        Arrow type, for messages.
    """

    name: str
    kind: Literal["null", "opaque"]
    n: int
    n_missing: int
    type: str

    @property
    def n_present(self) -> int:
        """Rows that have a value."""
        return self.n - self.n_missing


Column = NumericColumn | CategoricalColumn | CountedColumn


def mean_autocorrelation(*columns: NumericColumn | CategoricalColumn) -> float:
    """Return the mean autocorrelation of columns, weighted by their values."""
    return _weighted([(column.autocorrelation, column.n_present) for column in columns])


def mean_rising(*columns: NumericColumn) -> float:
    """Return the mean share of rising rows of columns, weighted by their values."""
    return _weighted([(column.rising, column.n_present) for column in columns])


def _weighted(figures: list[tuple[float, int]]) -> float:
    total = sum(weight for _, weight in figures)
    return sum(figure * weight for figure, weight in figures) / total if total else 0.0
