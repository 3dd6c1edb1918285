"""Two-sample Kolmogorov-Smirnov test from two profiles."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import kolmogorov

from calmops_flows.detectors.base import Finding
from calmops_flows.detectors.paired import Paired, pair, paired_or_finding
from calmops_flows.detectors.shift import paired_shift
from calmops_flows.profiles import Column, NumericColumn

EXACT_CELLS = 10_000
_FLOOR_GUARD = 1e-7


@dataclass(frozen=True, slots=True)
class KolmogorovSmirnov:
    """Test whether two numeric columns have one distribution [1]_.

    The statistic is a lower bound of ``sup |F - G|``: the rank errors of gridded
    profiles are subtracted, so that the p-value errs on the safe side, as it does
    under ties. Infinite values take part as the extremes they are. The effect is
    the standardised Wasserstein distance of `standardised_shift`.

    References
    ----------
    .. [1] J. L. Hodges, The significance probability of the Smirnov two-sample
       test, Arkiv foer Matematik 3, 1958, 469-486.

    Examples
    --------
    >>> import numpy as np
    >>> import pyarrow as pa
    >>> from calmops_flows.profiles import profile
    >>> rng = np.random.default_rng(0)
    >>> a, b = rng.normal(size=1000), rng.normal(0.5, 1, size=1000)
    >>> before = profile(pa.table({"x": a})).columns["x"]
    >>> after = profile(pa.table({"x": b})).columns["x"]
    >>> found = KolmogorovSmirnov()(before, after)
    >>> round(found.statistic, 3), found.p_value < 1e-9, round(found.effect_size, 2)
    (0.237, True, 0.49)
    """

    name: str = "ks"
    kinds: frozenset[str] = frozenset({"numeric"})
    min_effect: float = 0.02

    def __call__(self, reference: Column, current: Column) -> Finding:
        """Test two columns."""
        both = paired_or_finding(self.name, reference, current)
        if isinstance(both, Finding):
            return both
        statistic = _distance(both)
        return Finding(
            statistic=statistic,
            p_value=ks_p_value(statistic, both.n, both.m),
            effect_size=paired_shift(both),
            p_min=both.p_min,
        )


def ks_distance(reference: NumericColumn, current: NumericColumn) -> float:
    """Return the largest distance of both distributions that is certain.

    Parameters
    ----------
    reference, current : NumericColumn
        Columns with at least one value each.

    Returns
    -------
    float
        In [0, 1]; the exact statistic when both columns are exact.
    """
    return _distance(pair(reference, current))


def _distance(both: Paired) -> float:
    return max(float(np.abs(both.gaps).max()) - both.slack, 0.0)


def ks_p_value(statistic: float, n: float, m: float) -> float:
    """Return the chance of a statistic this large when nothing has changed.

    Parameters
    ----------
    statistic : float
        Largest distance of two empirical distributions.
    n, m : float
        Sizes of the samples; up to ``n * m = EXACT_CELLS`` the value is exact
        (without ties), beyond it is the limiting law's.

    Returns
    -------
    float
        P-value in [0, 1].

    Examples
    --------
    >>> round(ks_p_value(0.6, 5, 5), 6), round(ks_p_value(0.1, 500, 500), 4)
    (0.357143, 0.0135)
    """
    if n * m <= EXACT_CELLS and n == int(n) and m == int(m):
        return _exact(math.floor(statistic * n * m - _FLOOR_GUARD), int(n), int(m))
    return float(kolmogorov(math.sqrt(n * m / (n + m)) * statistic))


@lru_cache(maxsize=4096)
def _exact(bound: int, n: int, m: int) -> float:
    """Count the lattice paths that stay within ``bound`` of the diagonal.

    ``paths[j]`` is their share at step (i, j), scaled as it goes so that nothing
    overflows; distances are in units of 1 / (n m).
    """
    limit = bound + 0.5
    across = np.arange(m + 1) * n
    paths = (across <= limit).astype(float)
    for i in range(1, n + 1):
        inside = np.abs(across - i * m) <= limit
        paths = np.where(inside, np.cumsum(np.where(inside, paths * (i / (i + m)), 0.0)), 0.0)
    return min(1.0, max(0.0, 1.0 - float(paths[m])))
