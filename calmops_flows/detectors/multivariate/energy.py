"""Energy distance of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from calmops_flows.detectors.base import Finding
from calmops_flows.detectors.multivariate.base import permute, seed_of, too_few_columns
from calmops_flows.detectors.multivariate.encode import encode
from calmops_flows.detectors.multivariate.kernels import forms, squared_distances

if TYPE_CHECKING:
    from calmops_flows.profiles.sample import RowSample


def energy(reference: RowSample, current: RowSample, *, alpha: float) -> Finding:
    """Test by the energy distance of the two distributions [1]_.

    Euclidean distances of standardised features. The statistic is
    ``2 E|X - Y| - E|X - X'| - E|Y - Y'|``; the effect is the share of it in
    ``2 E|X - Y|``, in [0, 1], less what chance shows.

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
    .. [1] G. J. Szekely, M. L. Rizzo, Energy statistics: A class of statistics
       based on distances, Journal of Statistical Planning and Inference 143, 2013,
       1249-1272, section 6.

    Examples
    --------
    >>> import numpy as np
    >>> import pyarrow as pa
    >>> from calmops_flows.profiles import sample_rows
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.normal(size=(2, 300))
    >>> before = sample_rows(pa.table({"x": x, "y": y}), "before")
    >>> after = sample_rows(pa.table({"x": x + 1.0, "y": y}), "after")
    >>> found = energy(before, after, alpha=0.05)
    >>> found.p_value, round(found.effect_size, 2)
    (0.005, 0.1)
    """
    encoded = encode(reference, current)
    if len(encoded.columns) < 2:
        return too_few_columns()
    distances = np.sqrt(squared_distances(encoded))
    n, m = encoded.n_reference, encoded.n_current
    between = 2.0 * float(distances[:n, n:].mean(dtype=np.float64))
    np.negative(distances, out=distances)
    null = permute(forms(distances), n, m, seed=seed_of(reference, current), alpha=alpha)
    observed = float(null.observed[0])
    excess = observed - float(null.permuted.mean())
    return Finding(
        statistic=observed,
        p_value=null.p_value,
        effect_size=max(excess, 0.0) / between if between > 0.0 else 0.0,
        p_min=null.p_min,
    )
