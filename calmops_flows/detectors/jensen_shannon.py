"""Jensen-Shannon distance of two profiles."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from calmops_flows.detectors.base import Finding
from calmops_flows.detectors.cells import cells_or_finding, compare_cells, root_error, smoothed
from calmops_flows.profiles import Column

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class JensenShannon:
    """Compare two columns by the Jensen-Shannon distance [1]_.

    The root of the divergence in nats; numbers are cut at pooled deciles. The effect
    is the root of the divergence less its mean under no change. The p-value is
    calibrated by the permutation law of the counts.

    References
    ----------
    .. [1] J. Lin, Divergence measures based on the Shannon entropy, IEEE
       Transactions on Information Theory 37, 1991, 145-151.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from calmops_flows.profiles import profile
    >>> before = profile(pa.table({"x": ["a"] * 600 + ["b"] * 400})).columns["x"]
    >>> after = profile(pa.table({"x": ["a"] * 500 + ["b"] * 500})).columns["x"]
    >>> found = JensenShannon()(before, after)
    >>> round(found.statistic, 4), found.p_value < 1e-4
    (0.0711, True)
    """

    name: str = "jensen_shannon"
    kinds: frozenset[str] = frozenset({"numeric", "categorical"})
    min_effect: float = 0.035

    def __call__(self, reference: Column, current: Column) -> Finding:
        """Test two columns."""
        cells = cells_or_finding(self.name, reference, current)
        if isinstance(cells, Finding):
            return cells
        error = root_error(cells, 0.125)
        found = compare_cells(cells, jensen_shannon, power=1.0, error=error)
        effect = math.sqrt(max(found.value - found.by_chance, 0.0))
        return Finding(math.sqrt(found.value), found.p_value, effect, found.p_min)


def jensen_shannon(reference: NDArray[np.int64], current: NDArray[np.int64]) -> NDArray[np.float64]:
    """Compute the Jensen-Shannon divergence of two histograms, in nats.

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
    middle = (p + q) / 2.0
    terms = p * np.log(p / middle) + q * np.log(q / middle)
    divergence: NDArray[np.float64] = (terms.sum(axis=-1) / 2.0).clip(min=0.0)
    return divergence
