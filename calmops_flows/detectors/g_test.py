"""Likelihood-ratio test of two categorical columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import rel_entr

from calmops_flows.detectors.base import Finding
from calmops_flows.detectors.cells import cells_or_finding, compare_cells
from calmops_flows.detectors.total_variation import total_variation
from calmops_flows.profiles import Column

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class GTest:
    """Test whether two categorical columns have the same shares, by likelihood ratio [1]_.

    Rare levels are pooled as in the chi-square test. The p-value is calibrated by
    the permutation law of the counts, where the chi-square limit is too small. The
    effect is the total variation distance less its mean under no change.

    References
    ----------
    .. [1] A. Agresti, Categorical Data Analysis, 3rd ed., 2013, section 3.2.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from calmops_flows.profiles import profile
    >>> before = profile(pa.table({"x": ["a"] * 600 + ["b"] * 400})).columns["x"]
    >>> after = profile(pa.table({"x": ["a"] * 500 + ["b"] * 500})).columns["x"]
    >>> found = GTest()(before, after)
    >>> round(found.statistic, 4), found.p_value < 1e-4
    (20.2376, True)
    """

    name: str = "g_test"
    kinds: frozenset[str] = frozenset({"categorical"})
    min_effect: float = 0.01

    def __call__(self, reference: Column, current: Column) -> Finding:
        """Test two columns."""
        cells = cells_or_finding(self.name, reference, current)
        if isinstance(cells, Finding):
            return cells
        found = compare_cells(cells, g_test, power=1.0, error=0.0)
        change = compare_cells(cells, total_variation, power=2.0, error=0.0)
        effect = max(change.value - change.by_chance, 0.0)
        return Finding(found.value, found.p_value, effect, found.p_min)


def g_test(reference: NDArray[np.int64], current: NDArray[np.int64]) -> NDArray[np.float64]:
    """Compute the likelihood-ratio statistic of two histograms.

    Parameters
    ----------
    reference, current : ndarray of shape (..., n_cells)
        Counts over the same cells; each sum must be positive.

    Returns
    -------
    ndarray of shape (...)
        0 when the two shares are equal.
    """
    table = np.stack((reference, current), axis=-2).astype(np.float64)
    rows, columns = table.sum(axis=-1, keepdims=True), table.sum(axis=-2, keepdims=True)
    expected = rows * columns / rows.sum(axis=-2, keepdims=True)
    statistic: NDArray[np.float64] = 2.0 * rel_entr(table, expected).sum(axis=(-2, -1))
    return statistic
