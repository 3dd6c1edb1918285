"""Wasserstein distance of two profiles with a calibrated null law."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calmops_flows.detectors.area import bridge_areas, cell_steps, trimmed_steps
from calmops_flows.detectors.base import Finding
from calmops_flows.detectors.limit_laws import gamma_tail
from calmops_flows.detectors.paired import Paired, dot, paired_or_finding
from calmops_flows.detectors.permutation import refined
from calmops_flows.detectors.shift import paired_shift, scaled_points
from calmops_flows.profiles import Column


@dataclass(frozen=True, slots=True)
class Wasserstein:
    """Compare two numeric columns by the area between their distributions [1]_.

    The statistic is the distance in units of the reference's spread. Its p-value is
    that of the same distance of values clipped to central quantiles, whose squared
    null law, simulated on Brownian bridges, is matched by a gamma law. The effect
    is `standardised_shift`: the statistic less its mean under no change.

    References
    ----------
    .. [1] A. Ramdas, N. García Trillos and M. Cuturi, On Wasserstein two-sample
       testing and related families of nonparametric tests, Entropy 19, 2017, 47.

    Examples
    --------
    >>> import numpy as np
    >>> import pyarrow as pa
    >>> from calmops_flows.profiles import profile
    >>> rng = np.random.default_rng(0)
    >>> a, b = rng.normal(size=1000), rng.normal(0.2, 1.2, size=1000)
    >>> before = profile(pa.table({"x": a})).columns["x"]
    >>> after = profile(pa.table({"x": b})).columns["x"]
    >>> found = Wasserstein()(before, after)
    >>> round(found.statistic, 2), found.p_value < 1e-3
    (0.31, True)
    """

    name: str = "wasserstein"
    kinds: frozenset[str] = frozenset({"numeric"})
    min_effect: float = 0.02

    def __call__(self, reference: Column, current: Column) -> Finding:
        """Test two columns."""
        both = paired_or_finding(self.name, reference, current)
        if isinstance(both, Finding):
            return both
        x, unit = scaled_points(both)
        distance = dot(np.abs(both.gaps[:-1]), np.diff(x)) / unit
        return Finding(distance, _p_value(both, x), paired_shift(both))


def _p_value(both: Paired, x: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    steps = trimmed_steps(both, x)
    ranks, widths = cell_steps(both, steps)
    if not len(ranks):
        return 1.0
    area = dot(np.abs(both.gaps), steps) - both.slack * float(steps.sum())
    squares = bridge_areas(ranks, widths) ** 2 / both.scale
    p_value = gamma_tail(max(area, 0.0) ** 2, float(squares.mean()), float(squares.var()))
    return refined(both, lambda gaps: np.abs(gaps) @ steps, p_value)
