"""Energy distance of two profiles with its limiting law."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from calmops_flows.detectors.area import bridge_weights, cell_steps, trimmed_steps
from calmops_flows.detectors.base import Finding
from calmops_flows.detectors.limit_laws import quadratic_form_tail
from calmops_flows.detectors.paired import Paired, dot, paired_or_finding
from calmops_flows.detectors.permutation import refined
from calmops_flows.detectors.shift import paired_shift, scaled_points
from calmops_flows.profiles import Column


@dataclass(frozen=True, slots=True)
class Energy:
    """Compare two numeric columns by the squared gap of their distributions [1]_.

    The statistic is ``sqrt(2 integral (F - G)^2 dx)`` in root units of the
    reference's spread. Its p-value is that of the same integral of values clipped
    to central quantiles, whose limit is a weighted sum of chi-square variables. The
    effect is `standardised_shift`.

    References
    ----------
    .. [1] G. J. Székely and M. L. Rizzo, Energy statistics: a class of statistics
       based on distances, Journal of Statistical Planning and Inference 143, 2013,
       1249-1272.

    Examples
    --------
    >>> import numpy as np
    >>> import pyarrow as pa
    >>> from calmops_flows.profiles import profile
    >>> rng = np.random.default_rng(0)
    >>> a, b = rng.normal(size=1000), rng.normal(0.2, 1.2, size=1000)
    >>> before = profile(pa.table({"x": a})).columns["x"]
    >>> after = profile(pa.table({"x": b})).columns["x"]
    >>> found = Energy()(before, after)
    >>> round(found.statistic, 2), found.p_value < 1e-3
    (0.23, True)
    """

    name: str = "energy"
    kinds: frozenset[str] = frozenset({"numeric"})
    min_effect: float = 0.02

    def __call__(self, reference: Column, current: Column) -> Finding:
        """Test two columns."""
        both = paired_or_finding(self.name, reference, current)
        if isinstance(both, Finding):
            return both
        x, unit = scaled_points(both)
        distance = math.sqrt(2.0 * dot(both.gaps[:-1] ** 2, np.diff(x)) / unit)
        return Finding(distance, _p_value(both, x), paired_shift(both))


def _p_value(both: Paired, x: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    steps = trimmed_steps(both, x)
    ranks, widths = cell_steps(both, steps)
    if not len(ranks):
        return 1.0
    root = math.sqrt(dot(both.gaps**2, steps)) - both.slack * math.sqrt(float(steps.sum()))
    weights = bridge_weights(ranks, widths)
    p_value = quadratic_form_tail(both.scale * max(root, 0.0) ** 2, weights)
    return refined(both, lambda gaps: gaps**2 @ steps, p_value)
