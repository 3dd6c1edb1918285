"""Metrics of a confusion matrix, over any number of matrices at once.

Every formula takes a `Counts` whose arrays have shape (..., n_labels) and returns an array of
shape (...), NaN where the metric is undefined. They need no more of the matrix than its diagonal
and margins, so a bootstrap costs little even with many labels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from calmops_flows.errors import UntestableError
from calmops_flows.evaluation.case import Codes, Floats


@dataclass(frozen=True, slots=True)
class Counts:
    """Diagonal and margins of confusion matrices, each of shape (..., n_labels).

    Parameters
    ----------
    hits : ndarray
        Rows of each label that were predicted as such.
    actual : ndarray
        Rows of each label.
    predicted : ndarray
        Rows predicted as each label.
    """

    hits: Floats
    actual: Floats
    predicted: Floats

    @property
    def is_binary(self) -> bool:
        """Whether there are two labels; the last in sorted order is the positive one."""
        return int(self.hits.shape[-1]) == 2


Formula = Callable[[Counts], Floats]


def count(truth: Codes, predicted: Codes, n_labels: int) -> Counts:
    """Count the diagonal and the margins of one confusion matrix."""
    hits = np.bincount(truth[truth == predicted], minlength=n_labels)
    actual = np.bincount(truth, minlength=n_labels)
    guessed = np.bincount(predicted, minlength=n_labels)
    return Counts(hits.astype(float), actual.astype(float), guessed.astype(float))


def accuracy(counts: Counts) -> Floats:
    """Share of rows predicted right."""
    return _ratio(counts.hits.sum(-1), counts.actual.sum(-1))


def balanced_accuracy(counts: Counts) -> Floats:
    """Mean recall over the true labels; undefined with fewer than two."""
    recalls = _ratio(counts.hits, counts.actual)
    present = counts.actual > 0
    means = _mean_where(recalls, present)
    return np.where(present.sum(-1) >= 2, means, np.nan)


def f1(counts: Counts) -> Floats:
    """F1 of the positive label."""
    _need_two_labels(counts)
    return _f1_by_label(counts)[..., -1]


def f1_macro(counts: Counts) -> Floats:
    """Mean F1 over the labels that occur or are predicted."""
    return _mean_where(_f1_by_label(counts), _occurs(counts))


def f1_weighted(counts: Counts) -> Floats:
    """Mean F1 over the true labels, weighted by their rows."""
    weighted = np.where(counts.actual > 0, counts.actual * _f1_by_label(counts), 0.0)
    return _ratio(weighted.sum(-1), counts.actual.sum(-1))


def precision(counts: Counts) -> Floats:
    """Precision of the positive label; the macro mean with three or more labels."""
    by_label = _ratio(counts.hits, counts.predicted)
    return _positive_or_macro(by_label, counts)


def recall(counts: Counts) -> Floats:
    """Recall of the positive label; the macro mean with three or more labels."""
    by_label = _ratio(counts.hits, counts.actual)
    return _positive_or_macro(by_label, counts)


def mcc(counts: Counts) -> Floats:
    """Matthews correlation, multiclass form [1]_; 0 for a constant prediction.

    References
    ----------
    .. [1] J. Gorodkin, "Comparing two K-category assignments by a K-category correlation
       coefficient", Computational Biology and Chemistry 28, 2004, eq. 8.
    """
    n = counts.actual.sum(-1)
    covariance = counts.hits.sum(-1) * n - (counts.actual * counts.predicted).sum(-1)
    spread_true = n**2 - (counts.actual**2).sum(-1)
    spread_predicted = n**2 - (counts.predicted**2).sum(-1)
    correlation = _ratio(covariance, np.sqrt(np.maximum(spread_true * spread_predicted, 0.0)))
    value = np.where(spread_predicted <= 0, 0.0, correlation)
    return np.where(spread_true > 0, value, np.nan)


def kappa(counts: Counts) -> Floats:
    """Cohen's kappa, the agreement beyond chance [1]_; undefined with one true label.

    References
    ----------
    .. [1] J. Cohen, "A coefficient of agreement for nominal scales", Educational and
       Psychological Measurement 20, 1960.
    """
    n = counts.actual.sum(-1)
    chance = (counts.actual * counts.predicted).sum(-1)
    value = _ratio(counts.hits.sum(-1) * n - chance, n**2 - chance)
    return np.where((counts.actual > 0).sum(-1) >= 2, value, np.nan)


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    result = np.full(np.shape(numerator), np.nan)
    return np.divide(numerator, denominator, out=result, where=np.asarray(denominator) > 0)


def _mean_where(values: Floats, chosen: np.typing.NDArray[np.bool_]) -> Floats:
    """Mean over the last axis of the chosen values; an undefined chosen one counts as 0."""
    total = np.where(chosen, np.nan_to_num(values), 0.0).sum(-1)
    return _ratio(total, chosen.sum(-1).astype(float))


def _occurs(counts: Counts) -> np.typing.NDArray[np.bool_]:
    return counts.actual + counts.predicted > 0


def _f1_by_label(counts: Counts) -> Floats:
    return _ratio(2 * counts.hits, counts.actual + counts.predicted)


def _positive_or_macro(by_label: Floats, counts: Counts) -> Floats:
    if counts.is_binary:
        return by_label[..., -1]
    if counts.hits.shape[-1] < 2:
        raise UntestableError("needs at least two classes, found 1")
    return _mean_where(by_label, _occurs(counts))


def _need_two_labels(counts: Counts) -> None:
    if not counts.is_binary:
        found = counts.hits.shape[-1]
        raise UntestableError(f"is defined for two classes, found {found}")
