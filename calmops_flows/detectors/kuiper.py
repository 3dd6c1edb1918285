"""Kuiper's test from two profiles."""

from __future__ import annotations

import math
from dataclasses import dataclass

from calmops_flows.detectors.base import Finding
from calmops_flows.detectors.limit_laws import kuiper_tail
from calmops_flows.detectors.paired import paired_or_finding
from calmops_flows.detectors.permutation import refined
from calmops_flows.detectors.shift import paired_shift
from calmops_flows.profiles import Column


@dataclass(frozen=True, slots=True)
class Kuiper:
    """Test whether two numeric columns have one distribution, alert to spread [1]_.

    The statistic is the largest gap of the distributions in one direction plus the
    largest in the other, less what rank errors could add. The p-value is the
    limiting law's with Stephens' correction for the sample size. The effect is
    `standardised_shift`.

    References
    ----------
    .. [1] M. A. Stephens, Use of the Kolmogorov-Smirnov, Cramér-von Mises and
       related statistics without extensive tables, Journal of the Royal Statistical
       Society B 32, 1970, 115-122.

    Examples
    --------
    >>> import numpy as np
    >>> import pyarrow as pa
    >>> from calmops_flows.profiles import profile
    >>> rng = np.random.default_rng(0)
    >>> a, b = rng.normal(size=1000), rng.normal(0.2, 1.2, size=1000)
    >>> before = profile(pa.table({"x": a})).columns["x"]
    >>> after = profile(pa.table({"x": b})).columns["x"]
    >>> found = Kuiper()(before, after)
    >>> round(found.statistic, 2), found.p_value < 1e-3
    (0.17, True)
    """

    name: str = "kuiper"
    kinds: frozenset[str] = frozenset({"numeric"})
    min_effect: float = 0.02

    def __call__(self, reference: Column, current: Column) -> Finding:
        """Test two columns."""
        both = paired_or_finding(self.name, reference, current)
        if isinstance(both, Finding):
            return both
        gaps = both.gaps
        certain = max(float(gaps.max()) - both.slack, 0.0) + max(
            float(-gaps.min()) - both.slack, 0.0
        )
        root = math.sqrt(both.scale)
        p_value = kuiper_tail((root + 0.155 + 0.24 / root) * certain)
        p_value = refined(both, lambda g: g.max(axis=-1) - g.min(axis=-1), p_value)
        return Finding(certain, p_value, paired_shift(both), both.p_min)
