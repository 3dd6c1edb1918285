"""Levels that only one of two categorical columns has."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaln

from calmops_flows.detectors.base import Finding, unfit
from calmops_flows.detectors.chi_square import count_table
from calmops_flows.profiles import CategoricalColumn, Column

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MAX_TILT = 60.0
_STEPS = 60


@dataclass(frozen=True, slots=True)
class UnseenLevels:
    """Test whether levels unknown to the reference are more than chance brings [1]_.

    A level of few rows may fall into one sample by chance alone; how often follows
    from its pooled count. The rows of levels that did are, when nothing has
    changed, a sum of negatively associated terms, whose tail Chernoff's bound covers at
    any number of levels. The effect is the share of current rows in unseen levels
    less its mean under no change. Its floor is half a percent: a new level of one
    percent must pass it although its observed share varies.

    References
    ----------
    .. [1] D. Dubhashi and D. Ranjan, Balls and bins: a study in negative dependence,
       Random Structures and Algorithms 13, 1998, 99-124.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from calmops_flows.profiles import profile
    >>> before = profile(pa.table({"x": ["a"] * 60 + ["b"] * 40})).columns["x"]
    >>> after = profile(pa.table({"x": ["a"] * 50 + ["b"] * 40 + ["c"] * 10})).columns["x"]
    >>> found = UnseenLevels()(before, after)
    >>> round(found.statistic, 2), found.p_value < 0.002, round(found.effect_size, 2)
    (0.1, True, 0.1)
    """

    name: str = "unseen_levels"
    kinds: frozenset[str] = frozenset({"categorical"})
    min_effect: float = 0.005

    def __call__(self, reference: Column, current: Column) -> Finding | None:
        """Test two columns; None if both columns hold one level."""
        reason = unfit(reference, current)
        return (
            _compare(self.name, reference, current)
            if reason is None
            else Finding.untestable(reason)
        )


@dataclass(frozen=True, slots=True)
class VanishedLevels:
    """Test whether levels absent from the current data are more than chance takes [1]_.

    `UnseenLevels` with the two columns exchanged: the effect is the share of
    reference rows whose level vanished.

    References
    ----------
    .. [1] D. Dubhashi and D. Ranjan, Balls and bins: a study in negative dependence,
       Random Structures and Algorithms 13, 1998, 99-124.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from calmops_flows.profiles import profile
    >>> before = profile(pa.table({"x": ["a"] * 50 + ["b"] * 40 + ["c"] * 10})).columns["x"]
    >>> after = profile(pa.table({"x": ["a"] * 60 + ["b"] * 40})).columns["x"]
    >>> found = VanishedLevels()(before, after)
    >>> round(found.statistic, 2), found.p_value < 0.002
    (0.1, True)
    """

    name: str = "vanished_levels"
    kinds: frozenset[str] = frozenset({"categorical"})
    min_effect: float = 0.005

    def __call__(self, reference: Column, current: Column) -> Finding | None:
        """Test two columns; None if both columns hold one level."""
        reason = unfit(reference, current)
        return (
            _compare(self.name, current, reference)
            if reason is None
            else Finding.untestable(reason)
        )


def _compare(name: str, known: Column, other: Column) -> Finding | None:
    """Test the levels of ``other`` that ``known`` does not have."""
    if not isinstance(known, CategoricalColumn) or not isinstance(other, CategoricalColumn):
        kinds = {known.kind, other.kind} - {"categorical"}
        return Finding.untestable(f"{name} compares categories, got {min(kinds)} values")
    table = count_table(known, other)
    if table.shape[1] == 1:
        return None
    inflation = max(known.inflation, other.inflation)
    n, m = (int(size) for size in table.sum(axis=1))
    totals, times = np.unique(table.sum(axis=0), return_counts=True)
    log_chances = _log_absent(totals / inflation, n / inflation, m / inflation)
    rows = int(table[1, table[0] == 0].sum())
    mean = float(times @ (totals * np.exp(log_chances)))
    p_value = _chernoff(float(rows), totals.astype(np.float64), times, log_chances)
    return Finding(rows / m, p_value, max(rows - mean, 0.0) / m, _p_min(times, log_chances))


def _p_min(times: NDArray[np.int64], log_chances: NDArray[np.float64]) -> float:
    """Bound the chance that every level that can be absent is."""
    possible = np.isfinite(log_chances)
    return math.exp(float(times[possible] @ log_chances[possible]))


def _log_absent(totals: NDArray[np.float64], n: float, m: float) -> NDArray[np.float64]:
    """Return the log chance that all rows of a level fall into the other sample."""
    fitting = np.minimum(totals, m)
    log_ways = gammaln(m + 1) - gammaln(m - fitting + 1)
    log_all = gammaln(n + m + 1) - gammaln(n + m - fitting + 1)
    chances: NDArray[np.float64] = np.where(totals > m, -np.inf, log_ways - log_all)
    return chances


def _chernoff(
    rows: float,
    totals: NDArray[np.float64],
    times: NDArray[np.int64],
    log_chances: NDArray[np.float64],
) -> float:
    """Bound the chance that so many rows lie in levels that one sample lacks."""
    possible = np.isfinite(log_chances)
    totals, times, log_chances = totals[possible], times[possible], log_chances[possible]
    log_others = np.log1p(-np.minimum(np.exp(log_chances), 1.0 - 1e-16))
    low, high = 0.0, _MAX_TILT
    for _ in range(_STEPS):
        tilt = (low + high) / 2.0
        tilted = np.exp(
            log_chances + tilt * totals - np.logaddexp(log_others, log_chances + tilt * totals)
        )
        if float(times @ (totals * tilted)) < rows:
            low = tilt
        else:
            high = tilt
    cumulant = float(times @ np.logaddexp(log_others, log_chances + low * totals))
    return min(1.0, math.exp(min(cumulant - low * rows, 0.0)))
