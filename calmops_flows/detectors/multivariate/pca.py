"""Reconstruction error of a principal component analysis of the reference."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

from calmops_flows.detectors.base import Finding
from calmops_flows.detectors.multivariate.base import (
    MIN_ROWS,
    rank_sum,
    seed_of,
    too_few_columns,
)
from calmops_flows.detectors.multivariate.encode import encode

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from calmops_flows.profiles.sample import RowSample

EXPLAINED = 0.65


def pca(reference: RowSample, current: RowSample, *, alpha: float) -> Finding:
    """Test whether rows are reconstructed as well as before.

    Half of the reference's rows give the components that explain ``EXPLAINED`` of
    the variance, fewer than there are features. The errors of the current rows are
    compared with those of the other half, which the components do not know: errors
    of the rows they were fitted on are too small, and every current sample would
    look worse. Two-sided:
    rows whose columns have come to depend on each other less are reconstructed
    worse, more dependent ones better.

    The statistic is the ratio of the mean errors; the effect is ``|2 AUC - 1|``
    of the errors less its mean under no change.

    Parameters
    ----------
    reference, current : RowSample
        Samples of rows.
    alpha : float
        Level of the verdict; the test does not depend on it.

    Returns
    -------
    Finding
        Untestable if fewer than two columns vary or the reference is too small to
        be halved.

    Examples
    --------
    >>> import numpy as np
    >>> import pyarrow as pa
    >>> from calmops_flows.profiles import sample_rows
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.normal(size=(2, 300))
    >>> before = sample_rows(pa.table({"x": x, "y": y}), "before")
    >>> after = sample_rows(pa.table({"x": x, "y": x + 0.1 * y}), "after")
    >>> found = pca(before, after, alpha=0.05)
    >>> found.p_value < 1e-4, round(found.effect_size, 1)
    (True, 0.3)
    """
    del alpha
    encoded = encode(reference, current)
    if len(encoded.columns) < 2:
        return too_few_columns()
    n = encoded.n_reference
    if n < 2 * MIN_ROWS:
        return Finding.untestable(f"fewer than {2 * MIN_ROWS} rows in the reference sample")
    rows = (encoded.features * encoded.weights[:, np.newaxis]).T
    order = np.random.default_rng(seed_of(reference, current)).permutation(n)
    known, calibration = rows[order[: n // 2]], rows[order[n // 2 :]]
    before = _errors(known, calibration)
    after = _errors(known, rows[n:])
    area, z = rank_sum(after, before)
    unit = abs(area - 0.5) / abs(z) if z else 0.0
    effect = 2.0 * unit * max(abs(z) - math.sqrt(2.0 / math.pi), 0.0)
    return Finding(
        statistic=float(after.mean() / before.mean()) if before.any() else math.inf,
        p_value=min(1.0, 2.0 * float(ndtr(-abs(z)))),
        effect_size=effect,
    )


def _errors(known: NDArray[np.float32], rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return how far rows lie from the leading components of known ones."""
    centre = known.mean(axis=0)
    _, spreads, components = np.linalg.svd(known - centre, full_matrices=False)
    shares = np.cumsum(spreads.astype(np.float64) ** 2)
    n_kept = int(np.searchsorted(shares, EXPLAINED * shares[-1])) + 1
    kept = components[: min(n_kept, rows.shape[1] - 1)]  # all of them leave no error
    centred = rows - centre
    rest = centred - centred @ kept.T @ kept
    errors: NDArray[np.float64] = np.sqrt(np.einsum("ij,ij->i", rest, rest, dtype=np.float64))
    return errors
