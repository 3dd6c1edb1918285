"""Mood's test of scale from two profiles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calmops_flows.detectors.base import Finding
from calmops_flows.detectors.paired import Paired, paired_or_finding
from calmops_flows.detectors.permutation import refined
from calmops_flows.detectors.rank_scores import score_test
from calmops_flows.detectors.shift import paired_shift
from calmops_flows.profiles import Column


@dataclass(frozen=True, slots=True)
class Mood:
    """Test whether two numeric columns spread alike [1]_.

    The statistic is the standardised difference of the mean squared distance of the
    ranks from their middle, positive where the current column spreads more. The
    effect is `standardised_shift`.

    References
    ----------
    .. [1] A. M. Mood, On the asymptotic efficiency of certain nonparametric
       two-sample tests, Annals of Mathematical Statistics 25, 1954, 514-522.

    Examples
    --------
    >>> import numpy as np
    >>> import pyarrow as pa
    >>> from calmops_flows.profiles import profile
    >>> rng = np.random.default_rng(0)
    >>> a, b = rng.normal(size=1000), rng.normal(0.2, 1.2, size=1000)
    >>> before = profile(pa.table({"x": a})).columns["x"]
    >>> after = profile(pa.table({"x": b})).columns["x"]
    >>> found = Mood()(before, after)
    >>> round(found.statistic, 2), found.p_value < 1e-3
    (6.94, True)
    """

    name: str = "mood"
    kinds: frozenset[str] = frozenset({"numeric"})
    min_effect: float = 0.02

    def __call__(self, reference: Column, current: Column) -> Finding:
        """Test two columns."""
        both = paired_or_finding(self.name, reference, current)
        if isinstance(both, Finding):
            return both
        z, p_value = mood_test(both)
        return Finding(z, p_value, paired_shift(both), both.p_min)


def mood_test(both: Paired) -> tuple[float, float]:
    """Test the spread of two columns.

    Parameters
    ----------
    both : Paired
        Two columns.

    Returns
    -------
    z : float
        Standardised statistic.
    p_value : float
        Two-sided.
    """
    width, middle = both.blocks()
    scores = (middle - 0.5) ** 2 + width**2 / 12.0
    z, p_value = score_test(both, scores, 0.5)
    steps = np.diff(scores, append=scores[-1:])
    return z, refined(both, lambda gaps: np.abs(gaps @ steps), p_value)
