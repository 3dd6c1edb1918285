"""Test of the missing rate, for columns of every kind."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import chdtrc

from calmops_flows.detectors.base import ANY_KIND, Finding
from calmops_flows.detectors.contingency import chance_difference, fisher_exact

if TYPE_CHECKING:
    from calmops_flows.profiles import Column

MIN_EXPECTED = 20.0


@dataclass(frozen=True, slots=True)
class MissingRate:
    """Test whether null or NaN is as frequent in both columns [1]_.

    Fisher's exact test where a cell is expected under 20 times, else chi-square
    with Yates' correction. Infinite values are values, not missing ones. Where
    the margins make the p-value 1 for certain (no missing value, or nothing else,
    in both columns) the test is no member of the family.

    The effect is the difference of the rates less its mean under no change.

    References
    ----------
    .. [1] A. Agresti, Categorical Data Analysis, 3rd ed., 2013, sections 3.2, 3.5.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from calmops_flows.profiles import profile
    >>> before = profile(pa.table({"x": [1.0] * 98 + [None] * 2})).columns["x"]
    >>> after = profile(pa.table({"x": [1.0] * 88 + [None] * 12})).columns["x"]
    >>> found = MissingRate()(before, after)
    >>> round(found.statistic, 3), round(found.p_value, 4), round(found.effect_size, 3)
    (0.1, 0.0101, 0.071)
    """

    name: str = "missing_rate"
    kinds: frozenset[str] = ANY_KIND
    min_effect: float = 0.01

    def __call__(self, reference: Column, current: Column) -> Finding | None:
        """Test two columns."""
        if not reference.n or not current.n:
            side = "current" if reference.n else "reference"
            return Finding.untestable(f"no rows in the {side} data")
        a, n = _independent(reference)
        b, m = _independent(current)
        share = (a + b) / (n + m)
        p_value, p_min = self._p_value(a, n, b, m)
        if p_min >= 1.0:
            return None
        difference = b / m - a / n
        by_chance = float(chance_difference(np.array([share]), n, m)[0])
        return Finding(difference, p_value, max(abs(difference) - by_chance, 0.0), p_min)

    @staticmethod
    def _p_value(a: int, n: int, b: int, m: int) -> tuple[float, float]:
        share = (a + b) / (n + m)
        if min(share, 1.0 - share) * min(n, m) < MIN_EXPECTED:
            return fisher_exact(a, n, b, m)
        gap = max(abs(a / n - b / m) - (1.0 / n + 1.0 / m) / 2.0, 0.0)
        z = gap / math.sqrt(share * (1.0 - share) * (1.0 / n + 1.0 / m))
        return float(chdtrc(1, z * z)), 0.0


def _independent(column: Column) -> tuple[int, int]:
    """Return missing values and rows, in independent rows."""
    inflation = getattr(column, "inflation", 1.0)
    n = max(round(column.n / inflation), 1)
    return min(round(column.n_missing / inflation), n), n
