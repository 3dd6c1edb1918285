"""Welch's t test from two profiles."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import stdtr

from calmops_flows.detectors.base import Finding
from calmops_flows.detectors.paired import Paired, dot, paired_or_finding
from calmops_flows.detectors.rank_scores import is_dominated, permutation_p_value
from calmops_flows.profiles import Column, NumericColumn

if TYPE_CHECKING:
    from numpy.typing import NDArray

_REFINE_BELOW = 0.2
_DOMINANT = 0.5


@dataclass(frozen=True, slots=True)
class WelchT:
    """Test whether two numeric columns have one mean [1]_.

    Of a grid, each row is taken at the upper end of its cell, and what the rank
    error could move the means is subtracted. Where single rows decide (heavy tails,
    small samples) the p-value is no smaller than the permutation law's. The effect
    is the difference in units of the pooled deviation, less what chance alone would
    show. Infinite values have no mean and are untestable.

    References
    ----------
    .. [1] B. L. Welch, The generalization of Student's problem when several
       different population variances are involved, Biometrika 34, 1947, 28-35.

    Examples
    --------
    >>> import numpy as np
    >>> import pyarrow as pa
    >>> from calmops_flows.profiles import profile
    >>> rng = np.random.default_rng(0)
    >>> a, b = rng.normal(size=1000), rng.normal(0.2, 1.2, size=1000)
    >>> before = profile(pa.table({"x": a})).columns["x"]
    >>> after = profile(pa.table({"x": b})).columns["x"]
    >>> found = WelchT()(before, after)
    >>> round(found.statistic, 2), found.p_value < 1e-3
    (4.8, True)
    """

    name: str = "welch_t"
    kinds: frozenset[str] = frozenset({"numeric"})
    min_effect: float = 0.02

    def __call__(self, reference: Column, current: Column) -> Finding:
        """Test two columns."""
        both = paired_or_finding(self.name, reference, current)
        if isinstance(both, Finding):
            return both
        for column, label in ((reference, "reference"), (current, "current")):
            if isinstance(column, NumericColumn) and column.n_infinite:
                return Finding.untestable(f"infinite values in the {label} data have no mean")
        return _test(both)


def _test(both: Paired) -> Finding:
    x = both.points - both.points[len(both.points) // 2]
    x = x / float(np.abs(x).max())
    (mean_a, var_a), (mean_b, var_b) = _moments(x, both.reference), _moments(x, both.current)
    error_a, error_b = var_a / both.n, var_b / both.m
    standard_error = math.sqrt(error_a + error_b)
    difference = mean_b - mean_a + both.offset * float(np.ptp(x))
    if standard_error == 0.0:
        return Finding.untestable("both columns are constant: the means have no error to compare")
    certain = max(abs(difference) - both.slack * float(np.ptp(x)), 0.0)
    freedom = (error_a + error_b) ** 2 / (
        error_a**2 / max(both.n - 1.0, 1.0) + error_b**2 / max(both.m - 1.0, 1.0)
    )
    statistic = math.copysign(certain / standard_error, difference)
    p_value = min(1.0, 2.0 * float(stdtr(freedom, -abs(statistic))))
    is_plain = not both.slack and both.n == both.reference.sum() and both.m == both.current.sum()
    if is_plain and p_value < _REFINE_BELOW and is_dominated(both, x, share=_DOMINANT):
        p_value = max(p_value, permutation_p_value(both, x))
    by_chance = math.sqrt(2.0 / math.pi) * standard_error
    effect = max(certain - by_chance, 0.0) / math.sqrt((var_a + var_b) / 2.0)
    return Finding(statistic, p_value, effect)


def _moments(x: NDArray[np.float64], counts: NDArray[np.int64]) -> tuple[float, float]:
    """Return mean and unbiased variance."""
    total = counts.sum()
    mean = dot(x, counts) / float(total)
    return mean, dot((x - mean) ** 2, counts) / max(float(total) - 1.0, 1.0)
