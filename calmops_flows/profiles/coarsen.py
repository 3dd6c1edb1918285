"""Coarsen a profile, so that it holds no value of a single row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from calmops_flows.errors import SpecError
from calmops_flows.profiles.categorical import pool_levels
from calmops_flows.profiles.column import CategoricalColumn, NumericColumn
from calmops_flows.profiles.profile import Profile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from calmops_flows.profiles.column import Column

MIN_POINTS = 8


@dataclass(frozen=True, slots=True)
class Coarsening:
    """How much of the rows a profile may show.

    Parameters
    ----------
    points : int
        Most points of a numeric column, at least ``MIN_POINTS``.
    min_rows : int, default 10
        Fewest rows of a point or of a level kept by name.

    Raises
    ------
    SpecError
        If a number is too small.
    """

    points: int
    min_rows: int = 10

    def __post_init__(self) -> None:
        if self.points < MIN_POINTS or self.min_rows < 1:
            raise SpecError(
                f"drift.coarsen needs points >= {MIN_POINTS} and min_rows >= 1, got "
                f"{self.points!r} and {self.min_rows!r}"
            )


def coarsen(profile: Profile, coarsening: Coarsening) -> Profile:
    """Round and pool a profile; its row sample is left out.

    Points of numeric columns lie at equal ranks, and are rounded up to a power of
    ten near the width of their cell. What that adds to the error of the ranks is
    stated in ``rank_error``, which every p-value bears on the safe side. Levels of
    too few rows are counted by the hash of their name alone. Dates are coarsened
    like numbers.

    Parameters
    ----------
    profile : Profile
        Any profile.
    coarsening : Coarsening
        How coarse.

    Returns
    -------
    Profile
        Without a row sample, which holds rows as they are.

    Examples
    --------
    >>> import numpy as np, pyarrow as pa
    >>> from calmops_flows.profiles import profile
    >>> x = np.random.default_rng(0).normal(50, 10, 1000)
    >>> column = coarsen(profile(pa.table({"x": x})), Coarsening(8, 50)).columns["x"]
    >>> column.values, column.rank_error
    (array([39., 44., 47., 50., 53., 57., 61., 90.]), 150)
    """
    columns = {name: _coarsen(column, coarsening) for name, column in profile.columns.items()}
    return Profile(profile.n_rows, columns, None)


def _coarsen(column: Column, coarsening: Coarsening) -> Column:
    if isinstance(column, NumericColumn):
        return _coarsen_numbers(column, coarsening)
    if isinstance(column, CategoricalColumn):
        return pool_levels(column, coarsening.min_rows)
    return column


def _coarsen_numbers(column: NumericColumn, coarsening: Coarsening) -> NumericColumn:
    cumulative = np.cumsum(column.counts)
    total = int(cumulative[-1])
    n_points = max(1, min(coarsening.points, total // coarsening.min_rows))
    targets = np.ceil(np.arange(1, n_points + 1) * (total / n_points))
    kept = np.unique(np.searchsorted(cumulative, targets))
    points = _large_enough(column, _rounded_up(column.values, kept), coarsening.min_rows)
    below = column.ranks(points)
    at_point = np.searchsorted(column.values, points)
    exact = np.zeros(len(points), np.int64)
    is_known = column.values[at_point.clip(max=len(column.values) - 1)] == points
    exact[is_known] = column.counts[at_point[is_known]]
    counts = np.diff(below, prepend=0)
    added = int((counts - exact).max())
    return replace(column, values=points, counts=counts, rank_error=column.rank_error + added)


def _rounded_up(values: NDArray[np.float64], kept: NDArray[np.int64]) -> NDArray[np.float64]:
    """Round points up to multiples of a power of ten near the width of their cells."""
    points = values[kept]
    finite = np.isfinite(points)
    inner = points[finite]
    widths = np.diff(inner)
    if not len(widths):  # one cell: the only value there is, or a first digit
        is_constant = len(values) == 1
        widths = np.array([]) if is_constant else np.abs(inner[inner != 0.0])
    if len(widths):
        wide = np.maximum(np.append(widths[:1], widths)[-len(inner) :], np.median(widths))
        steps = 10.0 ** np.floor(np.log10(wide))
        points = points.copy()
        points[finite] = np.maximum(np.ceil(inner / steps) * steps, inner)
    increasing: NDArray[np.float64] = np.unique(points)
    return increasing


def _large_enough(
    column: NumericColumn, points: NDArray[np.float64], min_rows: int
) -> NDArray[np.float64]:
    """Drop points until every cell has enough rows; the last one always stays."""
    ranks = column.ranks(points)
    kept: list[int] = []
    last = 0
    for i in range(len(points) - 1):
        if ranks[i] - last >= min_rows and ranks[-1] - ranks[i] >= min_rows:
            kept.append(i)
            last = int(ranks[i])
    return points[[*kept, len(points) - 1]]
