"""Shift between two numeric columns in units of the reference's spread."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING

import numpy as np

from calmops_flows.detectors.contingency import chance_difference
from calmops_flows.detectors.paired import Paired, dot, pair

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from calmops_flows.profiles import NumericColumn

HEAVY_TAIL = 3.0
REACH = 20.0


def standardised_shift(reference: NumericColumn, current: NumericColumn) -> float:
    """Compute the bias-corrected, standardised Wasserstein-1 distance.

    The distance ``integral |F - G|`` less its mean under no change,
    ``sqrt(2 / pi) * integral sqrt(H (1 - H) (1/n + 1/m))`` with the pooled
    distribution ``H``, in units of the reference's standard deviation; in units of
    half its central 68 % range where the deviation is over three times that
    (heavy tails; values over 20 units outside the central ranges then count as 20);
    of the pooled deviation where the reference is constant. Infinite values count
    as one unit beyond the finite extremes.

    Parameters
    ----------
    reference, current : NumericColumn
        Columns with at least one value each.

    Returns
    -------
    float
        Shift in reference spreads, 0 when chance explains it.

    Examples
    --------
    >>> import numpy as np
    >>> import pyarrow as pa
    >>> from calmops_flows.profiles import profile
    >>> rng = np.random.default_rng(0)
    >>> a, b = rng.normal(0, 2, 5000), rng.normal(1, 2, 5000)
    >>> before = profile(pa.table({"x": a})).columns["x"]
    >>> after = profile(pa.table({"x": b})).columns["x"]
    >>> round(standardised_shift(before, after), 2)
    0.5
    """
    return paired_shift(pair(reference, current))


def paired_shift(both: Paired) -> float:
    """Compute `standardised_shift` of two columns that share one ladder.

    Parameters
    ----------
    both : Paired
        Two columns.

    Returns
    -------
    float
        Shift in reference spreads, 0 when chance explains it.
    """
    x, unit = scaled_points(both)
    steps = np.diff(x)
    distance = dot(np.abs(both.gaps[:-1]), steps)
    by_chance = dot(chance_difference(both.pooled[:-1], both.n, both.m), steps)
    with np.errstate(over="ignore"):
        shift = np.maximum(distance - by_chance, 0.0) / unit
    return min(float(shift), sys.float_info.max)


def scaled_points(both: Paired) -> tuple[NDArray[np.float64], float]:
    """Return the points, finite and scaled to avoid overflow, and the unit of shift.

    Parameters
    ----------
    both : Paired
        Two columns.

    Returns
    -------
    x : ndarray of shape (n_points,)
        Points divided by the largest of them.
    unit : float
        The reference's spread on the same scale.
    """
    points, reference, current = both.points, both.reference, both.current
    finite = np.isfinite(points)
    x = points / (float(np.abs(points[finite]).max(initial=0.0)) or 1.0)
    inner = x[finite] if finite.any() else np.zeros(1)
    deviation = _deviation(x[finite], reference[finite])
    low, high = _central_range(x[finite], reference[finite])
    is_heavy = 0.0 < (high - low) / 2.0 < deviation / HEAVY_TAIL
    pooled = (reference + current)[finite]
    unit = (high - low) / 2.0 if is_heavy else deviation or _deviation(x[finite], pooled) or 1.0
    x[np.isposinf(points)] = inner[-1] + unit
    x[np.isneginf(points)] = inner[0] - unit
    if is_heavy:
        ends = (low, high, *_central_range(x, current))
        x = np.clip(x, min(ends) - REACH * unit, max(ends) + REACH * unit)
    return x, unit


def _deviation(x: NDArray[np.float64], counts: NDArray[np.int64]) -> float:
    """Return the standard deviation; 0 if there is at most one distinct value."""
    if np.count_nonzero(counts) < 2:
        return 0.0
    centred = x - dot(x, counts) / counts.sum()
    return math.sqrt(dot(centred**2, counts) / counts.sum())


def _central_range(x: NDArray[np.float64], counts: NDArray[np.int64]) -> tuple[float, float]:
    """Return the 16 % and 84 % points, two standard deviations apart in a normal law."""
    cumulative = np.cumsum(counts)
    if not len(cumulative) or not cumulative[-1]:
        return 0.0, 0.0
    low, high = np.searchsorted(cumulative, np.array([0.1587, 0.8413]) * cumulative[-1])
    return float(x[low]), float(x[high])
