"""Kullback-Leibler divergence of two profiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from calmops_flows.detectors.cells import Divergence, smoothed

if TYPE_CHECKING:
    from numpy.typing import NDArray


def kl(reference: NDArray[np.int64], current: NDArray[np.int64]) -> NDArray[np.float64]:
    """Compute the divergence of the current histogram from the reference, in nats.

    Parameters
    ----------
    reference, current : ndarray of shape (..., n_cells)
        Counts over the same cells; each sum must be positive.

    Returns
    -------
    ndarray of shape (...)
        0 when the two shares are equal.
    """
    p, q = smoothed(reference), smoothed(current)
    divergence: NDArray[np.float64] = (q * np.log(q / p)).sum(axis=-1).clip(min=0.0)
    return divergence


@dataclass(frozen=True, slots=True)
class KullbackLeibler(Divergence):
    """Compare two columns by the Kullback-Leibler divergence [1]_.

    Of the current column from the reference, in nats; numbers are cut at pooled
    deciles, half a row is added to each cell, and the effect is the divergence less
    its mean under no change. The p-value is calibrated by the permutation law of
    the counts.

    References
    ----------
    .. [1] S. Kullback and R. A. Leibler, On information and sufficiency, Annals of
       Mathematical Statistics 22, 1951, 79-86.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from calmops_flows.profiles import profile
    >>> before = profile(pa.table({"x": ["a"] * 600 + ["b"] * 400})).columns["x"]
    >>> after = profile(pa.table({"x": ["a"] * 500 + ["b"] * 500})).columns["x"]
    >>> found = KullbackLeibler()(before, after)
    >>> round(found.statistic, 4), found.p_value < 1e-4
    (0.0204, True)
    """

    measure = staticmethod(kl)
    curvature = 0.5

    name: str = "kl"
    min_effect: float = 0.005
