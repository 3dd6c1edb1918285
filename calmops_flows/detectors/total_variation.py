"""Total variation distance of two profiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from calmops_flows.detectors.base import Finding
from calmops_flows.detectors.cells import cells_or_finding, compare_cells, shares
from calmops_flows.profiles import Column

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class TotalVariation:
    """Compare two columns by the total variation distance [1]_.

    Half the summed difference of the shares; numbers are cut at pooled deciles. The
    effect is the distance less its mean under no change. The p-value is calibrated
    by the permutation law of the counts.

    References
    ----------
    .. [1] A. L. Gibbs and F. E. Su, On choosing and bounding probability metrics,
       International Statistical Review 70, 2002, 419-435.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from calmops_flows.profiles import profile
    >>> before = profile(pa.table({"x": ["a"] * 600 + ["b"] * 400})).columns["x"]
    >>> after = profile(pa.table({"x": ["a"] * 500 + ["b"] * 500})).columns["x"]
    >>> found = TotalVariation()(before, after)
    >>> round(found.statistic, 4), found.p_value < 1e-4
    (0.1, True)
    """

    name: str = "tvd"
    kinds: frozenset[str] = frozenset({"numeric", "categorical"})
    min_effect: float = 0.01

    def __call__(self, reference: Column, current: Column) -> Finding:
        """Test two columns."""
        cells = cells_or_finding(self.name, reference, current)
        if isinstance(cells, Finding):
            return cells
        error = cells.slack * cells.table.shape[1] / 2.0
        found = compare_cells(cells, total_variation, power=2.0, error=error)
        effect = max(found.value - found.by_chance, 0.0)
        return Finding(found.value, found.p_value, effect, found.p_min)


def total_variation(
    reference: NDArray[np.int64], current: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Compute the total variation distance of two histograms.

    Parameters
    ----------
    reference, current : ndarray of shape (..., n_cells)
        Counts over the same cells; each sum must be positive.

    Returns
    -------
    ndarray of shape (...)
        0 when the two shares are equal.
    """
    gaps = np.abs(shares(reference) - shares(current))
    distance: NDArray[np.float64] = gaps.sum(axis=-1) / 2.0
    return distance
