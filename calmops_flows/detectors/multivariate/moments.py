"""Test of first and second moments of ranks: shifts and changed dependence."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from calmops_flows.detectors.base import Finding
from calmops_flows.detectors.multivariate.base import permute, seed_of, too_few_columns
from calmops_flows.detectors.multivariate.encode import Encoded, encode

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from calmops_flows.profiles.sample import RowSample

MAX_PAIRS = 4_096
MAX_FEATURES = 2_048
_CONSTANT = 1e-9


def moments(reference: RowSample, current: RowSample, *, alpha: float) -> Finding:
    """Compare the means of the columns' normal scores and of their products.

    Three statistics share one permutation null: the largest studentised difference
    of a product's mean (one pair of columns changed) [1]_, the sum of the squared
    differences (many did) [2]_, and the same sum over the scores themselves (many
    columns moved a little). In the sums all columns weigh alike, whatever their
    number of features.
    Where there are more than ``MAX_PAIRS`` pairs, those of the largest pooled
    correlation are taken: a choice that does not know the labels, so that the null
    stays valid. Dependence that shows in no product of two scores is not seen.

    The statistic is the largest studentised difference of a pair; the effect is
    the distance of the two weighted vectors of means, less what chance shows: 1
    for two columns whose correlation goes from 0 to 1.

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
    .. [1] T. Cai, W. Liu, Y. Xia, Two-sample covariance matrix testing and support
       recovery in high-dimensional and sparse settings, Journal of the American
       Statistical Association 108, 2013, 265-277 (the largest difference).
    .. [2] J. Li, S. X. Chen, Two sample tests for high-dimensional covariance
       matrices, Annals of Statistics 40, 2012, 908-940 (the sum of squares).

    Examples
    --------
    >>> import numpy as np
    >>> import pyarrow as pa
    >>> from calmops_flows.profiles import sample_rows
    >>> rng = np.random.default_rng(0)
    >>> x, y, z = rng.normal(size=(3, 300))
    >>> before = sample_rows(pa.table({"x": x, "y": y}), "before")
    >>> after = sample_rows(pa.table({"x": z, "y": (z - y) / 2**0.5}), "after")
    >>> found = moments(before, after, alpha=0.05)
    >>> round(found.statistic, 1), found.p_value, round(found.effect_size, 2)
    (6.4, 0.005, 0.57)
    """
    encoded = encode(reference, current, scale="ranks")
    if len(encoded.columns) < 2:
        return too_few_columns()
    n, m = encoded.n_reference, encoded.n_current
    first, second = chosen_pairs(encoded)
    products = encoded.features[first]
    products *= encoded.features[second]
    products, pair_weights = _studentised(
        products, encoded.weights[first] * encoded.weights[second], n, m
    )
    scores, weights = _studentised(encoded.features, encoded.weights, n, m)

    def statistics(labels: NDArray[np.float32]) -> NDArray[np.float64]:
        means = np.square(labels @ scores.T)
        pairs = np.square(labels @ products.T)
        found = (pairs.max(axis=1), pairs @ pair_weights, means @ weights)
        return np.array(found, np.float64).T

    null = permute(statistics, n, m, seed=seed_of(reference, current), alpha=alpha)
    excess = float((null.observed - null.permuted.mean(axis=0))[1:].sum())
    return Finding(
        statistic=math.sqrt(null.observed[0]),
        p_value=null.p_value,
        effect_size=math.sqrt(max(excess, 0.0)),
        p_min=null.p_min,
    )


def chosen_pairs(encoded: Encoded) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pairs of features to compare, at most ``MAX_PAIRS``.

    Parameters
    ----------
    encoded : Encoded
        Features of both samples; of more than ``MAX_FEATURES`` the first ones, in
        the order of the columns' names, make pairs.

    Returns
    -------
    first : ndarray of shape (n_pairs,)
        Places of the first feature. Two features of one column make no pair, but a
        feature makes one with itself.
    second : ndarray of shape (n_pairs,)
        Places of the second one.
    """
    features = encoded.features[:MAX_FEATURES]
    owners = encoded.owners[:MAX_FEATURES]
    first, second = np.triu_indices(len(features))
    is_pair = (owners[first] != owners[second]) | (first == second)
    first, second = first[is_pair], second[is_pair]
    if len(first) > MAX_PAIRS:
        strength = np.abs(features @ features.T)[first, second]
        kept = np.sort(np.argpartition(-strength, MAX_PAIRS)[:MAX_PAIRS])
        first, second = first[kept], second[kept]
    return first, second


def _studentised(
    values: NDArray[np.float32], weights: NDArray[np.float32], n: int, m: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Scale rows so that a difference of means has unit variance.

    The weights returned give the squares their scale back.
    """
    values = values - values.mean(axis=1, keepdims=True)
    variance = np.einsum("ij,ij->i", values, values) / (n + m - 1) * (1.0 / n + 1.0 / m)
    varies = variance > _CONSTANT
    values, variance = values[varies], variance[varies]
    values /= np.sqrt(variance)[:, np.newaxis].astype(np.float32)
    return values, weights[varies] ** 2 * variance
