"""Largest standardised residual of two categorical columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

from calmops_flows.detectors.base import Finding, unfit
from calmops_flows.detectors.chi_square import count_table, pool_rare
from calmops_flows.detectors.contingency import chance_difference, fisher_exact
from calmops_flows.profiles import CategoricalColumn, Column

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NORMAL_FROM = 200.0
_CANDIDATES = 8


@dataclass(frozen=True, slots=True)
class LargestResidual:
    """Test whether the share of any one level has changed [1]_.

    Strong where chi-square is weak: one changed level among many. Levels are pooled
    as there; each remaining one is tested against all others, exactly where its
    counts are small, and the smallest p-value is multiplied by their number. The
    statistic is the largest standardised residual, the effect that level's change
    of share less its mean under no change.

    References
    ----------
    .. [1] A. Agresti, Categorical Data Analysis, 3rd ed., 2013, section 3.3.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from calmops_flows.profiles import profile
    >>> before = profile(pa.table({"x": ["a"] * 300 + ["b"] * 300 + ["c"] * 400})).columns["x"]
    >>> after = profile(pa.table({"x": ["a"] * 250 + ["b"] * 250 + ["c"] * 500})).columns["x"]
    >>> found = LargestResidual()(before, after)
    >>> round(found.statistic, 2), found.p_value < 1e-4, round(found.effect_size, 2)
    (4.49, True, 0.08)
    """

    name: str = "largest_residual"
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


def _test(table: NDArray[np.int64], inflation: float) -> Finding:
    n, m = (int(size) for size in table.sum(axis=1))
    share = table.sum(axis=0) / (n + m)
    difference = np.abs(table[0] / n - table[1] / m)
    spread = np.sqrt(share * (1.0 - share) * (1.0 / n + 1.0 / m) * inflation)
    residuals = difference / spread
    largest = int(np.argmax(residuals))
    p_value, p_min = 2.0 * float(ndtr(-residuals[largest])), 0.0
    few = np.minimum(share, 1.0 - share) * min(n, m) < _NORMAL_FROM
    if inflation == 1.0 and few.any():
        p_value, p_min = _smallest(table, n, m, np.argsort(-residuals)[:_CANDIDATES])
    size = 1 if len(share) == 2 else len(share)
    by_chance = float(chance_difference(share[[largest]], n / inflation, m / inflation)[0])
    effect = max(float(difference[largest]) - by_chance, 0.0)
    return Finding(
        float(residuals[largest]), min(1.0, size * p_value), effect, min(1.0, size * p_min)
    )


def _smallest(
    table: NDArray[np.int64], n: int, m: int, levels: NDArray[np.intp]
) -> tuple[float, float]:
    """Return the smallest exact p-value, which other levels could only lower, and its bound."""
    tests = [fisher_exact(int(table[0, i]), n, int(table[1, i]), m) for i in levels]
    covers_all = len(levels) == table.shape[1]
    return min(p for p, _ in tests), min(p_min for _, p_min in tests) if covers_all else 0.0
