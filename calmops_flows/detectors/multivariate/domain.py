"""Classifier two-sample test: a model tells current rows from the reference's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtr

from calmops_flows.detectors.base import Finding
from calmops_flows.detectors.multivariate.base import rank_sum, seed_of, too_few_columns
from calmops_flows.detectors.multivariate.encode import Encoded, encode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from calmops_flows.profiles.sample import RowSample

_SEED_BITS = 32


def domain(reference: RowSample, current: RowSample, *, alpha: float) -> Finding:
    """Test by the area under the curve of a domain classifier [1]_.

    Extremely randomised trees learn one half of each sample and score the other,
    and the other way round. Scores of rows that the trees have not seen are
    exchangeable under no change, so each half has a valid rank-sum test; the two
    are combined by Bonferroni. (One test of all out-of-fold scores together does
    not hold its level: the models of different folds share rows.)

    The statistic is the mean of the two areas, the effect ``2 AUC - 1``, at least 0.

    Parameters
    ----------
    reference, current : RowSample
        Samples of rows.
    alpha : float
        Level of the verdict; the test does not depend on it.

    Returns
    -------
    Finding
        Untestable if fewer than two columns vary.

    References
    ----------
    .. [1] D. Lopez-Paz, M. Oquab, Revisiting classifier two-sample tests, ICLR
       2017.

    Examples
    --------
    >>> import numpy as np
    >>> import pyarrow as pa
    >>> from calmops_flows.profiles import sample_rows
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.normal(size=(2, 300))
    >>> before = sample_rows(pa.table({"x": x, "y": y}), "before")
    >>> after = sample_rows(pa.table({"x": x, "y": x + 0.1 * y}), "after")
    >>> found = domain(before, after, alpha=0.05)
    >>> found.p_value < 1e-4, round(found.effect_size, 1)
    (True, 0.7)
    """
    del alpha
    encoded = encode(reference, current)
    if len(encoded.columns) < 2:
        return too_few_columns()
    areas, p_values = [], []
    for model, rows, is_current in _halves(encoded, seed_of(reference, current)):
        scores = model.predict_proba(rows)[:, 1]
        area, z = rank_sum(scores[is_current], scores[~is_current])
        areas.append(area)
        p_values.append(float(ndtr(-z)))
    area = float(np.mean(areas))
    return Finding(
        statistic=area,
        p_value=min(1.0, 2.0 * min(p_values)),
        effect_size=max(2.0 * area - 1.0, 0.0),
    )


def attribute(reference: RowSample, current: RowSample) -> dict[str, float]:
    """Tell which columns give the difference of two samples away [1]_.

    Parameters
    ----------
    reference, current : RowSample
        Samples of rows.

    Returns
    -------
    dict of str to float
        Loss of area under the domain classifier's curve on rows that it has not
        seen when the values of this column (all its features) are shuffled;
        largest first.

    References
    ----------
    .. [1] L. Breiman, Random forests, Machine Learning 45, 2001, 5-32, section 10.
    """
    encoded = encode(reference, current)
    losses = np.zeros(len(encoded.columns))
    seed = seed_of(reference, current)
    rng = np.random.default_rng(seed)
    for model, rows, is_current in _halves(encoded, seed):
        whole = _area(model, rows, is_current)
        for place in range(len(losses)):
            shuffled = rows.copy()
            mine = np.flatnonzero(encoded.owners == place)
            shuffled[:, mine] = rows[rng.permutation(len(rows))][:, mine]
            losses[place] += (whole - _area(model, shuffled, is_current)) / 2.0
    order = np.argsort(-losses, kind="stable")
    return {encoded.columns[place]: float(losses[place]) for place in order}


def _area(model: Any, rows: NDArray[np.float32], is_current: NDArray[np.bool_]) -> float:
    scores = model.predict_proba(rows)[:, 1]
    return rank_sum(scores[is_current], scores[~is_current])[0]


def _halves(
    encoded: Encoded, seed: int
) -> Iterator[tuple[Any, NDArray[np.float32], NDArray[np.bool_]]]:
    """Yield, for each half, a model of the other half, and this half's rows and labels."""
    from sklearn.ensemble import ExtraTreesClassifier

    n, m = encoded.n_reference, encoded.n_current
    rng = np.random.default_rng(seed)
    in_first = np.concatenate((_random_half(n, rng), _random_half(m, rng)))
    is_current = np.arange(n + m) >= n
    rows = np.ascontiguousarray(encoded.features.T)
    for held_out in (in_first, ~in_first):
        model = ExtraTreesClassifier(
            n_estimators=100,
            min_samples_leaf=5,
            class_weight="balanced",
            random_state=seed % (1 << _SEED_BITS),
        )
        model.fit(rows[~held_out], is_current[~held_out])
        yield model, rows[held_out], is_current[held_out]


def _random_half(n: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    mask = np.zeros(n, bool)
    mask[rng.permutation(n)[: n // 2]] = True
    return mask
