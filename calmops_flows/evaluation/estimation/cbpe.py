"""Confidence-based performance estimation of classifiers, without labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from calmops_flows.errors import UntestableError
from calmops_flows.evaluation.case import Case, Codes, Floats, encode, label_array
from calmops_flows.evaluation.confusion import Counts
from calmops_flows.evaluation.estimation.base import (
    MIN_CALIBRATION_ROWS,
    Estimated,
    PerformanceEstimate,
    untestable,
)
from calmops_flows.evaluation.estimation.calibrate import calibrated, fit_curves
from calmops_flows.evaluation.metrics import METRICS, Metric, OfConfusion, OfRanks
from calmops_flows.evaluation.ranking import Ranking, mean_area

if TYPE_CHECKING:
    from calmops_flows.evaluation.holdout import Holdout
    from calmops_flows.evaluation.predictions import Predictions

_N_DRAWS = 50
_DRAW_ROWS = 10_000  # the error bars are measured on at most so many current rows
_MIN_CLASS_ROWS = 20
_EPS = float(np.finfo(np.float64).eps)
ESTIMATED = tuple(name for name, metric in METRICS.items() if metric.task == "classification")


@dataclass(frozen=True, slots=True, eq=False)
class _Current:
    """The model's answers on the current rows, in the codes of its classes."""

    raw: Floats
    predicted: Codes
    rankings: list[Ranking]

    @classmethod
    def of(cls, predictions: Predictions, predicted: Codes) -> _Current:
        raw = predictions.probabilities
        if raw is None:
            raise AssertionError("checked before")
        columns = [1] if raw.shape[1] == 2 else range(raw.shape[1])
        nobody = np.zeros(len(raw), dtype=bool)
        return cls(raw, predicted, [Ranking.of(raw[:, k], nobody) for k in columns])


@dataclass(frozen=True, slots=True)
class _Spread:
    """How far an estimate is off on average, and how much it varies."""

    bias: float
    error: float


def estimate_classification(
    holdout: Holdout, predictions: Predictions, *, rng: np.random.Generator
) -> PerformanceEstimate:
    """Estimate a classifier's metrics on rows without labels [1]_.

    The probabilities are calibrated on the holdout; a row predicted as k then counts with its
    calibrated probabilities into row k of an expected confusion matrix, from which the metrics
    follow. ROC AUC comes from the same fractions along the ranking, log loss and Brier's score
    from their expectation by row. A curve fits its own rows a little too well; the bootstrap's
    estimate of that bias is taken off. Error bars are 2.24 standard errors: of the labels that the
    rows would have (drawn from the probabilities), of the calibration (bootstrapped), and of its
    form (half the squared difference between isotonic and sigmoid).

    Parameters
    ----------
    holdout : Holdout
        Rows that judged the model and did not teach it.
    predictions : Predictions
        Of the current rows, with probabilities.
    rng : numpy.random.Generator
        Source of the resamples.

    Returns
    -------
    PerformanceEstimate
        Untestable below 200 holdout rows or without probabilities; class-sensitive metrics also
        with fewer than 20 holdout rows of a class. It assumes that P(y|x) has not changed.

    References
    ----------
    .. [1] J. Białek, W. Kuberski, N. Perrakis, A. Bifet, "Estimating Model Performance Under
       Covariate Shift Without Labels", arXiv 2401.08348, 2024, section 3.

    Examples
    --------
    >>> from calmops_flows.evaluation import Holdout, Predictions
    >>> rng = np.random.default_rng(0)
    >>> def model(n):
    ...     p = rng.random(n)
    ...     said = Predictions((p > 0.5).astype(int), np.column_stack([1 - p, p]), (0, 1))
    ...     return said, (rng.random(n) < p).astype(int)
    >>> judged, y = model(1000)
    >>> found = estimate_classification(Holdout("classification", y, judged), model(2000)[0],
    ...                                 rng=rng)
    >>> accuracy = found.metrics["accuracy"]
    >>> accuracy.lower < 0.75 < accuracy.upper
    True
    """
    n, n_calibration = len(predictions), len(holdout.truth)
    try:
        truth, judged = _calibration(holdout)
        predicted = _codes(predictions)
    except UntestableError as err:
        return untestable("cbpe", n, n_calibration, ESTIMATED, str(err))
    if n == 0:
        return untestable("cbpe", n, n_calibration, ESTIMATED, "there are no rows")
    curves = fit_curves(judged, truth)
    current = _Current.of(predictions, predicted)
    values = _expected(current, calibrated(curves, current.raw))
    draws = _draws(judged, truth, predictions, predicted, rng)
    fewest = int(np.bincount(truth, minlength=judged.shape[1]).min())
    metrics: dict[str, Estimated | None] = {}
    notes: dict[str, str] = {}
    for name in ESTIMATED:
        metric, why = METRICS[name], None
        value, error = values[name] - draws[name].bias, draws[name].error
        if metric.is_class_sensitive and fewest < _MIN_CLASS_ROWS:
            why = f"needs {_MIN_CLASS_ROWS} holdout rows of each class, the rarest has {fewest}"
        elif not (np.isfinite(value) and np.isfinite(error)):
            why = metric.undefined
        metrics[name] = None if why else _bars(metric, value, error)
        if why:
            notes[name] = why
    return PerformanceEstimate("cbpe", n, n_calibration, metrics, notes)


def _bars(metric: Metric, value: float, error: float) -> Estimated:
    least = -1.0 if metric.name == "mcc" else 0.0
    most = None if metric.name == "log_loss" else 1.0
    value = max(value, least) if most is None else min(max(value, least), most)
    return Estimated.around(value, error, least=least, most=most)


def _calibration(holdout: Holdout) -> tuple[Codes, Floats]:
    """Return true codes and probabilities of the holdout rows with a class the model knows."""
    case = Case(holdout.truth, holdout.predictions)
    probabilities, columns = case.probabilities, case.true_columns
    is_known = columns >= 0
    n = int(is_known.sum())
    if n < MIN_CALIBRATION_ROWS:
        raise UntestableError(f"needs {MIN_CALIBRATION_ROWS} calibration rows, found {n}")
    if probabilities.shape[1] < 2:
        raise UntestableError("needs a model of at least two classes")
    return columns[is_known], probabilities[is_known]


def _codes(predictions: Predictions) -> Codes:
    if predictions.probabilities is None or predictions.classes is None:
        raise UntestableError("the model gives no probabilities")
    if not np.isfinite(predictions.probabilities).all():
        raise UntestableError("some probabilities are not finite")
    (predicted, _), _ = encode([predictions.values, label_array(predictions.classes)], ())
    return predicted


def _expected(current: _Current, given: Floats) -> dict[str, float]:
    """Return each metric, as expected when ``given`` are the chances of each class.

    Drawn labels are chances of 0 and 1.
    """
    n, n_classes = given.shape
    rows = np.arange(n)
    counts = Counts(
        np.bincount(
            current.predicted, weights=given[rows, current.predicted], minlength=n_classes
        ).astype(float),
        given.sum(axis=0),
        np.bincount(current.predicted, minlength=n_classes).astype(float),
    )
    values: dict[str, float] = {}
    for name in ESTIMATED:
        statistic = METRICS[name].statistic
        try:
            if isinstance(statistic, OfConfusion):
                values[name] = float(statistic.formula(counts))
            elif isinstance(statistic, OfRanks):
                values[name] = _area(current.rankings, given)
            else:
                values[name] = _LOSSES[name](current.raw, given)
        except UntestableError:
            values[name] = float("nan")
    return values


def _area(rankings: list[Ranking], given: Floats) -> float:
    columns = [1] if given.shape[1] == 2 else range(given.shape[1])
    fractional = [
        Ranking(ranking.order, ranking.starts, given[ranking.order, k])
        for ranking, k in zip(rankings, columns, strict=True)
    ]
    return float(mean_area(fractional, np.ones((1, len(given))))[0])


def _log_loss(raw: Floats, given: Floats) -> float:
    return float(-(given * np.log(np.clip(raw, _EPS, 1.0))).sum(axis=1).mean())


def _brier(raw: Floats, given: Floats) -> float:
    by_row = (raw**2).sum(axis=1) - 2.0 * (raw * given).sum(axis=1) + given.sum(axis=1)
    return float(by_row.mean()) / (2.0 if raw.shape[1] == 2 else 1.0)


_LOSSES = {"log_loss": _log_loss, "brier": _brier}


def _draws(
    judged: Floats,
    truth: Codes,
    predictions: Predictions,
    predicted: Codes,
    rng: np.random.Generator,
) -> dict[str, _Spread]:
    """Return bias and standard error of each metric, from labels, calibration and its form."""
    n = len(predicted)
    chosen = np.arange(n) if n <= _DRAW_ROWS else rng.choice(n, _DRAW_ROWS, replace=False)
    current = _Current.of(predictions.take(chosen), predicted[chosen])
    fitted = _expected(current, calibrated(fit_curves(judged, truth), current.raw))
    forms = [
        list(
            _expected(
                current, calibrated(fit_curves(judged, truth, method=m), current.raw)
            ).values()
        )
        for m in ("isotonic", "sigmoid")
    ]
    of_calibration, of_labels = [], []
    for _ in range(_N_DRAWS):
        resampled = rng.integers(0, len(truth), len(truth))
        given = calibrated(fit_curves(judged[resampled], truth[resampled]), current.raw)
        expected, drawn = _expected(current, given), _expected(current, _draw(given, rng))
        of_calibration.append([expected[name] for name in ESTIMATED])
        of_labels.append([drawn[name] - expected[name] for name in ESTIMATED])
    bias = np.mean(of_calibration, axis=0) - [fitted[name] for name in ESTIMATED]
    variance = np.var(of_calibration, axis=0, ddof=1) + np.subtract(forms[0], forms[1]) ** 2 / 2.0
    variance = variance + np.mean(np.square(of_labels), axis=0) * len(chosen) / n
    pairs = zip(bias.tolist(), np.sqrt(variance).tolist(), strict=True)
    return {name: _Spread(*pair) for name, pair in zip(ESTIMATED, pairs, strict=True)}


def _draw(given: Floats, rng: np.random.Generator) -> Floats:
    """Draw one label per row, as chances of 0 and 1."""
    edges = np.cumsum(given, axis=1)
    codes = (rng.random((len(given), 1)) * edges[:, -1:] >= edges[:, :-1]).sum(axis=1)
    drawn = np.zeros_like(given)
    drawn[np.arange(len(given)), codes] = 1.0
    return drawn
