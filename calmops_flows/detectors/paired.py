"""Two numeric columns on one ladder of points: what every rank test starts from."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from calmops_flows.detectors.base import Finding, unfit
from calmops_flows.profiles import Column, NumericColumn

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NODE = 0.5 / math.sqrt(3.0)


@dataclass(frozen=True, eq=False)
class Paired:
    """Counts of two columns at their pooled points.

    Attributes
    ----------
    points : ndarray of shape (n_points,)
        Increasing pooled values.
    reference, current : ndarray of shape (n_points,)
        Rows of each column in (previous point, this point].
    n, m : float
        Independent rows of each column: its rows, less where they are dependent.
    slack : float
        Bound of the error of any gap between both distributions; 0 when both
        columns are exact.
    offset : float
        Middle of that error, added to every inner gap.
    """

    points: NDArray[np.float64]
    reference: NDArray[np.int64]
    current: NDArray[np.int64]
    n: float
    m: float
    slack: float = 0.0
    offset: float = 0.0

    @cached_property
    def pooled(self) -> NDArray[np.float64]:
        """Pooled distribution function at the points, last value 1."""
        cumulative = np.cumsum(self.reference + self.current)
        share: NDArray[np.float64] = cumulative / cumulative[-1]
        return share

    @cached_property
    def gaps(self) -> NDArray[np.float64]:
        """Reference less current distribution function at the points, last value 0."""
        f, g = np.cumsum(self.reference), np.cumsum(self.current)
        gaps: NDArray[np.float64] = f / f[-1] - g / g[-1]
        if self.offset:
            gaps[:-1] += self.offset
        gaps[-1] = 0.0
        return gaps

    @property
    def scale(self) -> float:
        """Factor that gives squared gaps a limiting law: ``n m / (n + m)``."""
        return self.n * self.m / (self.n + self.m)

    @property
    def is_constant(self) -> bool:
        """Whether all rows hold one value."""
        return len(self.points) == 1

    @property
    def has_ties(self) -> bool:
        """Whether some value occurs in more than one row."""
        return len(self.points) < int(self.reference.sum() + self.current.sum())

    @property
    def p_min(self) -> float:
        """Smallest p-value of a two-sided rank test without ties."""
        n, m = self.n, self.m
        log_ways = math.lgamma(n + 1) + math.lgamma(m + 1) - math.lgamma(n + m + 1)
        return min(1.0, 2.0 * math.exp(log_ways))

    def blocks(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return width and middle of each point's share of pooled ranks, in [0, 1]."""
        width = np.diff(self.pooled, prepend=0.0)
        return width, self.pooled - width / 2.0


def pair(reference: NumericColumn, current: NumericColumn) -> Paired:
    """Put two columns with at least one value each on one ladder.

    Parameters
    ----------
    reference, current : NumericColumn
        Exact columns or grids.

    Returns
    -------
    Paired
        Equal points are one point.
    """
    values = np.concatenate((reference.values, current.values))
    order = np.argsort(values, kind="stable")
    values = values[order]
    first = np.flatnonzero(np.append(True, values[1:] != values[:-1]))
    size = len(reference.values)
    counts = np.zeros((2, len(values)), np.int64)
    counts[0, :size] = reference.counts
    counts[1, size:] = current.counts
    before, after = np.add.reduceat(counts[:, order], first, axis=1)
    errors = (reference.rank_error / reference.n_present, current.rank_error / current.n_present)
    return Paired(
        points=values[first],
        reference=before,
        current=after,
        n=reference.n_present / reference.inflation,
        m=current.n_present / current.inflation,
        slack=sum(errors) / 2.0,
        offset=(errors[0] - errors[1]) / 2.0,
    )


def paired_or_finding(name: str, reference: Column, current: Column) -> Paired | Finding:
    """Return both columns on one ladder, or why there is nothing to test.

    Parameters
    ----------
    name : str
        Detector, for the message.
    reference, current : Column
        Any two columns.

    Returns
    -------
    Paired or Finding
        A finding when a column has too few values, is not numeric, or both are
        one and the same constant.
    """
    reason = unfit(reference, current)
    if reason is not None:
        return Finding.untestable(reason)
    if not isinstance(reference, NumericColumn) or not isinstance(current, NumericColumn):
        other = current.kind if isinstance(reference, NumericColumn) else reference.kind
        return Finding.untestable(f"{name} compares numbers, got {other} values")
    both = pair(reference, current)
    return Finding.unchanged() if both.is_constant else both


def bridge_nodes(
    both: Paired, gaps: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return Gauss nodes over the pooled ranks, with gaps interpolated across ties.

    Interpolation is what breaking ties at random gives on average, so that a convex
    statistic of it is no larger, in the limit, than without ties.

    Parameters
    ----------
    both : Paired
        Two columns.
    gaps : ndarray of shape (..., n_points)
        Gaps at the points.

    Returns
    -------
    ranks : ndarray of shape (2, n_points)
        Two nodes in (0, 1) for each point.
    values : ndarray of shape (..., 2, n_points)
        Gaps at the nodes.
    weights : ndarray of shape (n_points,)
        Weight of each of a point's two nodes.
    """
    width, middle = both.blocks()
    before = np.concatenate((np.zeros((*gaps.shape[:-1], 1)), gaps[..., :-1]), axis=-1)
    mean, half = (before + gaps) / 2.0, (gaps - before) * _NODE
    ranks = np.stack((middle - width * _NODE, middle + width * _NODE))
    return ranks, np.stack((mean - half, mean + half), axis=-2), width / 2.0


def coarse(both: Paired, n_cells: int) -> Paired:
    """Return the same columns on at most ``n_cells`` points of about equal share.

    Parameters
    ----------
    both : Paired
        Two columns.
    n_cells : int
        Largest number of points.

    Returns
    -------
    Paired
        Points chosen by the pooled ranks alone.
    """
    if len(both.points) <= n_cells:
        return both
    targets = np.arange(1, n_cells + 1) / n_cells - 1e-12
    kept = np.unique(np.searchsorted(both.pooled, targets).clip(max=len(both.points) - 1))
    reference = np.diff(np.cumsum(both.reference)[kept], prepend=0)
    current = np.diff(np.cumsum(both.current)[kept], prepend=0)
    return replace(both, points=both.points[kept], reference=reference, current=current)


def dot(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Sum the products of two vectors, without BLAS, whose threads cost more than they save.

    Parameters
    ----------
    a, b : ndarray of shape (n,)
        Numbers.

    Returns
    -------
    float
        The scalar product.
    """
    return float(np.einsum("i,i->", a, b))
