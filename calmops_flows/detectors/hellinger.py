"""Hellinger distance of two profiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from calmops_flows.detectors.cells import Divergence, shares

if TYPE_CHECKING:
    from numpy.typing import NDArray


def hellinger(reference: NDArray[np.int64], current: NDArray[np.int64]) -> NDArray[np.float64]:
    """Compute the squared Hellinger distance of two histograms.

    Parameters
    ----------
    reference, current : ndarray of shape (..., n_cells)
        Counts over the same cells; each sum must be positive.

    Returns
    -------
    ndarray of shape (...)
        0 when the two shares are equal.
    """
    p, q = shares(reference), shares(current)
    squared: NDArray[np.float64] = ((np.sqrt(p) - np.sqrt(q)) ** 2).sum(axis=-1) / 2.0
    return squared


@dataclass(frozen=True, slots=True)
class Hellinger(Divergence):
    """Compare two columns by the Hellinger distance [1]_.

    Numbers are cut at pooled deciles. The effect is the root of the squared distance
    less its mean under no change. The p-value is calibrated by the permutation law
    of the counts.

    References
    ----------
    .. [1] L. Le Cam, Asymptotic Methods in Statistical Decision Theory, 1986,
       chapter 4.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from calmops_flows.profiles import profile
    >>> before = profile(pa.table({"x": ["a"] * 600 + ["b"] * 400})).columns["x"]
    >>> after = profile(pa.table({"x": ["a"] * 500 + ["b"] * 500})).columns["x"]
    >>> found = Hellinger()(before, after)
    >>> round(found.statistic, 4), found.p_value < 1e-4
    (0.0712, True)
    """

    measure = staticmethod(hellinger)
    curvature = 0.125
    is_rooted = True

    name: str = "hellinger"
    min_effect: float = 0.035
