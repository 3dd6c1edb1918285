"""Maximum mean discrepancy with a Gaussian kernel."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from calmops_flows.detectors.base import Finding
from calmops_flows.detectors.multivariate.base import permute, seed_of, too_few_columns
from calmops_flows.detectors.multivariate.encode import encode
from calmops_flows.detectors.multivariate.kernels import forms, squared_distances

if TYPE_CHECKING:
    from calmops_flows.profiles.sample import RowSample


def mmd(reference: RowSample, current: RowSample, *, alpha: float) -> Finding:
    """Test by the kernel distance of the two distributions [1]_.

    Gaussian kernel on standardised features; its bandwidth is the median distance
    of all pairs of rows. The statistic is the squared distance, the effect its root
    less what chance shows.

    Parameters
    ----------
    reference, current : RowSample
        Samples of rows.
    alpha : float
        Level of the verdict.

    Returns
    -------
    Finding
        Untestable if fewer than two columns vary.

    References
    ----------
    .. [1] A. Gretton et al., A kernel two-sample test, Journal of Machine Learning
       Research 13, 2012, 723-773, equation (5).

    Examples
    --------
    >>> import numpy as np
    >>> import pyarrow as pa
    >>> from calmops_flows.profiles import sample_rows
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.normal(size=(2, 300))
    >>> before = sample_rows(pa.table({"x": x, "y": y}), "before")
    >>> after = sample_rows(pa.table({"x": x, "y": x + 0.1 * y}), "after")
    >>> found = mmd(before, after, alpha=0.05)
    >>> found.p_value, round(found.effect_size, 2)
    (0.005, 0.18)
    """
    encoded = encode(reference, current)
    if len(encoded.columns) < 2:
        return too_few_columns()
    kernel = squared_distances(encoded)
    others = kernel[np.triu_indices(len(kernel), 1)]
    kernel /= -2.0 * (float(np.median(others)) or float(others.mean()))
    np.exp(kernel, out=kernel)
    n, m = encoded.n_reference, encoded.n_current
    null = permute(forms(kernel), n, m, seed=seed_of(reference, current), alpha=alpha)
    observed = float(null.observed[0])
    excess = observed - float(null.permuted.mean())
    return Finding(
        statistic=observed + 1.0 / n + 1.0 / m,
        p_value=null.p_value,
        effect_size=math.sqrt(max(excess, 0.0)),
        p_min=null.p_min,
    )
