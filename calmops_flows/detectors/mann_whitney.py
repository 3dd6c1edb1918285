"""Mann-Whitney test from two profiles."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from calmops_flows.detectors.base import Finding
from calmops_flows.detectors.paired import dot, paired_or_finding
from calmops_flows.detectors.permutation import refined
from calmops_flows.detectors.rank_scores import score_test
from calmops_flows.profiles import Column

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class MannWhitney:
    """Test whether the values of one column tend to exceed the other's [1]_.

    The statistic is the chance that a current value exceeds a reference value, ties
    counted half. The effect is twice its distance from one half, less what chance
    alone would show.

    References
    ----------
    .. [1] H. B. Mann and D. R. Whitney, On a test of whether one of two random
       variables is stochastically larger than the other, Annals of Mathematical
       Statistics 18, 1947, 50-60.

    Examples
    --------
    >>> import numpy as np
    >>> import pyarrow as pa
    >>> from calmops_flows.profiles import profile
    >>> rng = np.random.default_rng(0)
    >>> a, b = rng.normal(size=1000), rng.normal(0.2, 1.2, size=1000)
    >>> before = profile(pa.table({"x": a})).columns["x"]
    >>> after = profile(pa.table({"x": b})).columns["x"]
    >>> found = MannWhitney()(before, after)
    >>> round(found.statistic, 2), found.p_value < 1e-3
    (0.56, True)
    """

    name: str = "mann_whitney"
    kinds: frozenset[str] = frozenset({"numeric"})
    min_effect: float = 0.02

    def __call__(self, reference: Column, current: Column) -> Finding:
        """Test two columns."""
        both = paired_or_finding(self.name, reference, current)
        if isinstance(both, Finding):
            return both
        width, middle = both.blocks()
        _, p_value = score_test(both, middle, 1.0)
        p_value = refined(both, lambda gaps: np.abs(gaps @ _steps(width)), p_value)
        excess = dot(both.gaps, _steps(width))
        by_chance = math.sqrt(2.0 / (3.0 * math.pi) / both.scale) / 2.0
        effect = 2.0 * max(abs(excess) - both.slack - by_chance, 0.0)
        return Finding(0.5 + excess, p_value, effect, both.p_min)


def _steps(width: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return weights that sum gaps, interpolated across ties, over the pooled ranks."""
    following = np.append(width[1:], 0.0)
    steps: NDArray[np.float64] = (width + following) / 2.0
    return steps
