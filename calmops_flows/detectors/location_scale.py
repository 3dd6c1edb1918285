"""Anderson-Darling and Mood in one procedure from two profiles."""

from __future__ import annotations

from dataclasses import dataclass

from calmops_flows.detectors.base import Finding
from calmops_flows.detectors.limit_laws import anderson_darling_tail
from calmops_flows.detectors.mood import mood_test
from calmops_flows.detectors.paired import paired_or_finding
from calmops_flows.detectors.quadratic import anderson_darling_weight, quadratic_test
from calmops_flows.detectors.shift import paired_shift
from calmops_flows.profiles import Column

LOCATION_SHARE = 0.75


@dataclass(frozen=True, slots=True)
class LocationScale:
    """Test location, scale and shape of two numeric columns in one procedure [1]_.

    Anderson-Darling's test takes three quarters of the procedure's error rate and
    Mood's the rest, so that ``p = min(p_AD / 0.75, p_Mood / 0.25)``: valid under any
    dependence between the two. The first is strong on shifts and sees every change
    in the end, the second is strong on spread. The statistic is
    Anderson-Darling's, the effect is `standardised_shift`.

    References
    ----------
    .. [1] F. W. Scholz and M. A. Stephens, K-sample Anderson-Darling tests, Journal
       of the American Statistical Association 82, 1987, 918-924; A. M. Mood, On the
       asymptotic efficiency of certain nonparametric two-sample tests, Annals of
       Mathematical Statistics 25, 1954, 514-522.

    Examples
    --------
    >>> import numpy as np
    >>> import pyarrow as pa
    >>> from calmops_flows.profiles import profile
    >>> rng = np.random.default_rng(0)
    >>> a, b = rng.normal(size=1000), rng.normal(0.2, 1.2, size=1000)
    >>> before = profile(pa.table({"x": a})).columns["x"]
    >>> after = profile(pa.table({"x": b})).columns["x"]
    >>> found = LocationScale()(before, after)
    >>> round(found.statistic, 2), found.p_value < 1e-3
    (19.88, True)
    """

    name: str = "location_scale"
    kinds: frozenset[str] = frozenset({"numeric"})
    min_effect: float = 0.02

    def __call__(self, reference: Column, current: Column) -> Finding:
        """Test two columns."""
        both = paired_or_finding(self.name, reference, current)
        if isinstance(both, Finding):
            return both
        statistic, location = quadratic_test(both, anderson_darling_weight, anderson_darling_tail)
        _, scale = mood_test(both)
        p_value = min(1.0, location / LOCATION_SHARE, scale / (1.0 - LOCATION_SHARE))
        return Finding(statistic, p_value, paired_shift(both), both.p_min)
