"""Homogeneity chi-square test of two categorical columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import chdtrc

from calmops_flows.detectors.base import Finding, unfit
from calmops_flows.detectors.contingency import chance_difference, fisher_exact
from calmops_flows.profiles import CategoricalColumn, Column, bucket_counts

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_EXPECTED = 5.0


@dataclass(frozen=True, slots=True)
class ChiSquare:
    """Test whether two categorical columns have the same shares [1]_.

    Both samples are random: the reference is never taken as exact. Levels that
    would be expected under five times in either sample are pooled, which depends
    on the pooled counts alone; if only one cell or a 2 x 2 table with small counts
    is left, Fisher's exact test takes over. Levels that vanished or are unseen in
    the reference take part as levels with a count of zero. Columns of more levels
    than a profile keeps are compared by hash bucket.

    The effect is the total variation distance less its mean under no change.

    References
    ----------
    .. [1] A. Agresti, Categorical Data Analysis, 3rd ed., 2013, section 3.2.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from calmops_flows.profiles import profile
    >>> before = profile(pa.table({"x": ["a"] * 60 + ["b"] * 40})).columns["x"]
    >>> after = profile(pa.table({"x": ["a"] * 40 + ["b"] * 60})).columns["x"]
    >>> found = ChiSquare()(before, after)
    >>> found.statistic, round(found.p_value, 5), round(found.effect_size, 3)
    (8.0, 0.00468, 0.144)
    """

    name: str = "chi_square"
    kinds: frozenset[str] = frozenset({"categorical"})
    min_effect: float = 0.01

    def __call__(self, reference: Column, current: Column) -> Finding:
        """Test two columns."""
        reason = unfit(reference, current)
        if reason is not None:
            return Finding.untestable(reason)
        if not isinstance(reference, CategoricalColumn) or not isinstance(
            current, CategoricalColumn
        ):
            return Finding.untestable(f"{self.name} compares categories, got {current.kind} values")
        table = count_table(reference, current)
        if table.shape[1] == 1:
            return Finding.unchanged()
        return _test(pool_rare(table), max(reference.inflation, current.inflation))


def count_table(reference: CategoricalColumn, current: CategoricalColumn) -> NDArray[np.int64]:
    """Return the counts of both columns over the same cells.

    Parameters
    ----------
    reference, current : CategoricalColumn
        Columns with or without a tail.

    Returns
    -------
    ndarray of shape (2, n_cells)
        One cell for each level of either column, or for each hash bucket if one
        of them has a tail; no cell is empty in both.
    """
    if len(reference.tail) or len(current.tail):
        table = np.stack((bucket_counts(reference), bucket_counts(current)))
        return table[:, table.any(axis=0)]
    levels = sorted({*reference.levels, *current.levels})
    place = {level: i for i, level in enumerate(levels)}
    table = np.zeros((2, len(levels)), np.int64)
    for row, column in zip(table, (reference, current), strict=True):
        row[[place[level] for level in column.levels]] = column.counts
    return table


def pool_rare(table: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pool the cells expected under ``MIN_EXPECTED`` times in either row.

    Parameters
    ----------
    table : ndarray of shape (2, n_cells)
        Counts with at least two cells, none empty in both rows.

    Returns
    -------
    ndarray of shape (2, n_pooled)
        At least two cells: if pooling would leave one, the most frequent cell
        against all others.
    """
    if table.shape[1] == 2:
        return table
    totals = table.sum(axis=0)
    needed = MIN_EXPECTED * totals.sum() / table.sum(axis=1).min()
    order = np.argsort(-totals, kind="stable")
    n_kept = int((totals >= needed).sum())
    rest = totals[order[n_kept:]].sum()
    if 0 < rest < needed:
        n_kept -= 1
    n_kept = max(n_kept, 1)
    kept, pooled = table[:, order[:n_kept]], table[:, order[n_kept:]]
    return np.hstack((kept, pooled.sum(axis=1, keepdims=True))) if pooled.size else kept


def _test(table: NDArray[np.int64], inflation: float) -> Finding:
    n, m = (int(size) for size in table.sum(axis=1))
    share = table.sum(axis=0) / (n + m)
    difference = np.abs(table[0] / n - table[1] / m)
    distance = float(
        difference.sum() / 2.0 - chance_difference(share, n / inflation, m / inflation).sum() / 2.0
    )
    expected = np.outer((n, m), share)
    statistic = float(((table - expected) ** 2 / expected).sum())
    p_min = 0.0
    if table.shape[1] == 2 and expected.min() < MIN_EXPECTED and inflation == 1.0:
        p_value, p_min = fisher_exact(int(table[0, 0]), n, int(table[1, 0]), m)
    else:
        p_value = float(chdtrc(table.shape[1] - 1, statistic / inflation))
    return Finding(statistic, p_value, max(distance, 0.0), p_min)
