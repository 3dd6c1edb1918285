"""Two-sample Anderson-Darling test from two profiles."""

from __future__ import annotations

from dataclasses import dataclass

from calmops_flows.detectors.base import Finding
from calmops_flows.detectors.limit_laws import anderson_darling_tail
from calmops_flows.detectors.paired import paired_or_finding
from calmops_flows.detectors.quadratic import anderson_darling_weight, quadratic_test
from calmops_flows.detectors.shift import paired_shift
from calmops_flows.profiles import Column


@dataclass(frozen=True, slots=True)
class AndersonDarling:
    """Test whether two numeric columns have one distribution, tails included [1]_.

    The statistic is the integral of ``(F - G)^2 / (H (1 - H))`` over the pooled
    ranks, interpolated across ties, less what rank errors could add. The p-value
    comes from the tail of the limiting law at any depth. The effect is
    `standardised_shift`.

    References
    ----------
    .. [1] F. W. Scholz and M. A. Stephens, K-sample Anderson-Darling tests, Journal
       of the American Statistical Association 82, 1987, 918-924.

    Examples
    --------
    >>> import numpy as np
    >>> import pyarrow as pa
    >>> from calmops_flows.profiles import profile
    >>> rng = np.random.default_rng(0)
    >>> a, b = rng.normal(size=1000), rng.normal(0.2, 1, size=1000)
    >>> before = profile(pa.table({"x": a})).columns["x"]
    >>> after = profile(pa.table({"x": b})).columns["x"]
    >>> found = AndersonDarling()(before, after)
    >>> round(found.statistic, 1), found.p_value < 1e-3
    (15.0, True)
    """

    name: str = "anderson_darling"
    kinds: frozenset[str] = frozenset({"numeric"})
    min_effect: float = 0.02

    def __call__(self, reference: Column, current: Column) -> Finding:
        """Test two columns."""
        both = paired_or_finding(self.name, reference, current)
        if isinstance(both, Finding):
            return both
        statistic, p_value = quadratic_test(both, anderson_darling_weight, anderson_darling_tail)
        return Finding(statistic, p_value, paired_shift(both), both.p_min)
