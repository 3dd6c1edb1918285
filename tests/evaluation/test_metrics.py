"""Every metric against scikit-learn, and what is undefined."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics as reference

from calmops_flows.errors import ModelError, SpecError
from calmops_flows.evaluation import METRICS, Predictions, default_metric, evaluate, find_metric

Case = tuple[NDArray[Any], Predictions]


def _classes(n_labels: int, seed: int, names: str | None = None) -> Case:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_labels, 200)
    scores = rng.random((200, n_labels)).round(2) + 0.01 + np.eye(n_labels)[truth] * 0.5
    probabilities = scores / scores.sum(axis=1, keepdims=True)
    said = probabilities.argmax(axis=1)
    labels = np.arange(n_labels) if names is None else np.array(list(names), dtype=object)
    return labels[truth], Predictions(labels[said], probabilities, tuple(labels.tolist()))


def _numbers(seed: int) -> Case:
    rng = np.random.default_rng(seed)
    truth = rng.normal(50, 5, 200)
    return truth, Predictions(truth + rng.normal(size=200))


def _average(y: NDArray[Any], p: Predictions, score: Callable[..., float], **more: Any) -> float:
    labels = np.unique(y)
    if len(labels) == 2:
        return score(y, p.values, pos_label=labels[-1], **more)
    return score(y, p.values, average="macro", zero_division=0, **more)


def _auc(y: NDArray[Any], p: Predictions) -> float:
    assert p.probabilities is not None
    assert p.classes is not None
    if len(p.classes) == 2:
        return float(reference.roc_auc_score(y == p.classes[1], p.probabilities[:, 1]))
    labels = list(p.classes)
    return float(reference.roc_auc_score(y, p.probabilities, multi_class="ovr", labels=labels))


def _brier(y: NDArray[Any], p: Predictions) -> float:
    one_hot = (y[:, None] == np.array(p.classes)[None, :]).astype(float)
    score = float(((p.probabilities - one_hot) ** 2).sum(axis=1).mean())
    return score / 2 if one_hot.shape[1] == 2 else score


REFERENCES: dict[str, Callable[[NDArray[Any], Predictions], float]] = {
    "accuracy": lambda y, p: reference.accuracy_score(y, p.values),
    "balanced_accuracy": lambda y, p: reference.balanced_accuracy_score(y, p.values),
    "f1": lambda y, p: _average(y, p, reference.f1_score),
    "f1_macro": lambda y, p: reference.f1_score(y, p.values, average="macro"),
    "f1_weighted": lambda y, p: reference.f1_score(y, p.values, average="weighted"),
    "precision": lambda y, p: _average(y, p, reference.precision_score),
    "recall": lambda y, p: _average(y, p, reference.recall_score),
    "roc_auc": _auc,
    "log_loss": lambda y, p: reference.log_loss(y, p.probabilities, labels=list(p.classes or ())),
    "mcc": lambda y, p: reference.matthews_corrcoef(y, p.values),
    "brier": _brier,
    "r2": lambda y, p: reference.r2_score(y, p.values),
    "rmse": lambda y, p: reference.root_mean_squared_error(y, p.values),
    "mae": lambda y, p: reference.mean_absolute_error(y, p.values),
    "mse": lambda y, p: reference.mean_squared_error(y, p.values),
    "mape": lambda y, p: reference.mean_absolute_percentage_error(y, p.values),
}
CLASSIFICATIONS = {
    "two numbers": _classes(2, 1),
    "two texts": _classes(2, 2, "ny"),
    "three texts": _classes(3, 3, "abc"),
    "five numbers": _classes(5, 4),
}


@pytest.mark.parametrize("name", METRICS)
def test_metric_agrees_with_scikit_learn(name: str) -> None:
    metric = METRICS[name]
    cases = list(CLASSIFICATIONS.values())
    if metric.task == "regression":
        cases = [_numbers(5), _numbers(6)]
    if name == "f1":
        cases = cases[:2]  # binary by definition

    for truth, predictions in cases:
        found = evaluate(metric.task, truth, predictions, names=[name]).metrics[name]

        assert found == pytest.approx(REFERENCES[name](truth, predictions), rel=1e-12)


@pytest.mark.parametrize("name", METRICS)
def test_perfect_predictions_reach_the_best_value(name: str) -> None:
    metric = METRICS[name]
    truth = np.array([0, 1, 1, 0, 1]) if metric.task == "classification" else np.arange(1.0, 6.0)
    predictions = Predictions(truth)
    if metric.task == "classification":
        predictions = Predictions(truth, np.eye(2)[truth.astype(int)], (0, 1))

    found = evaluate(metric.task, truth, predictions, names=[name]).metrics[name]

    assert found == pytest.approx(0.0 if metric.is_loss else 1.0, abs=1e-12)


def test_binary_brier_score_is_that_of_scikit_learn() -> None:
    truth, predictions = CLASSIFICATIONS["two numbers"]
    assert predictions.probabilities is not None

    found = evaluate("classification", truth, predictions, names=["brier"]).metrics["brier"]

    expected = reference.brier_score_loss(truth, predictions.probabilities[:, 1])
    assert found == pytest.approx(expected)


def test_one_class_leaves_class_metrics_undefined_with_a_note() -> None:
    truth = np.zeros(30, dtype=int)
    predictions = Predictions(truth, np.tile([0.9, 0.1], (30, 1)), (0, 1))

    found = evaluate("classification", truth, predictions)

    undefined = {name for name, value in found.metrics.items() if value is None}
    assert undefined == {"balanced_accuracy", "f1", "precision", "recall", "mcc", "roc_auc"}
    assert set(found.notes) == undefined
    assert found.notes["roc_auc"] == "needs rows of every class, found 1 of 2"
    assert found.metrics["accuracy"] == 1.0


def test_binary_f1_of_three_classes_is_undefined() -> None:
    found = evaluate("classification", *CLASSIFICATIONS["three texts"], names=["f1_binary"])

    assert found.metrics == {"f1": None}
    assert found.notes["f1"] == "is defined for two classes, found 3"


def test_class_unknown_to_the_model_costs_like_probability_zero() -> None:
    truth = np.array(["a", "b", "c"], dtype=object)
    predictions = Predictions(
        np.array(["a", "b", "a"], dtype=object),
        np.array([[1.0, 0], [0, 1.0], [1.0, 0]]),
        ("a", "b"),
    )

    found = evaluate("classification", truth, predictions, names=["log_loss", "brier", "roc_auc"])

    assert found.metrics["log_loss"] == pytest.approx(-np.log(np.finfo(float).eps) / 3)
    assert found.metrics["brier"] == pytest.approx((0 + 0 + (1 + 1) / 2) / 3)
    assert found.notes["roc_auc"] == "the rows have a class that the model does not know"


def test_mape_with_zeros_and_r2_of_a_constant_are_undefined() -> None:
    truth = np.zeros(10)

    found = evaluate("regression", truth, Predictions(np.ones(10)))

    assert found.metrics["mape"] is None
    assert found.metrics["r2"] is None
    assert found.metrics["rmse"] == 1.0
    assert found.notes["mape"] == "10 of 10 true values are 0"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_predictions_that_are_not_finite_leave_everything_undefined(value: float) -> None:
    found = evaluate("regression", np.arange(3.0), Predictions(np.array([0.0, value, 2.0])))

    assert set(found.metrics.values()) == {None}
    assert found.notes["mae"] == "1 of 3 predicted values are not finite"


def test_overflow_is_undefined_and_warns_nobody() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = evaluate("regression", np.array([1e200, -1e200]), Predictions(np.zeros(2)))

    assert found.metrics["mse"] is None
    assert found.metrics["mae"] == 1e200


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_no_rows_leave_everything_undefined(task: Any) -> None:
    found = evaluate(task, np.empty(0), Predictions(np.empty(0)))

    assert set(found.metrics.values()) == {None}
    assert set(found.notes.values()) == {"there are no rows"}


def test_texts_beside_numbers_are_an_error() -> None:
    with pytest.raises(ModelError, match="different types"):
        evaluate("classification", np.array([0, 1]), Predictions(np.array(["0", "1"])))


def test_unequal_lengths_are_an_error() -> None:
    with pytest.raises(ModelError, match="3 true values beside 2 predictions"):
        evaluate("regression", np.zeros(3), Predictions(np.zeros(2)))


def test_probabilities_of_the_wrong_shape_are_an_error() -> None:
    with pytest.raises(ModelError, match=r"shape \(2, 3\)"):
        Predictions(np.zeros(2), np.zeros((2, 2)), (0, 1, 2))


def test_metric_of_the_other_task_is_an_error_that_lists_the_right_ones() -> None:
    with pytest.raises(SpecError, match=r"'f1' is for classification; .*'mae'"):
        find_metric("f1", "regression")


def test_unknown_metric_is_an_error_that_names_it() -> None:
    with pytest.raises(SpecError, match="got 'acuracy'"):
        find_metric("acuracy")


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_default_metric_fits_its_task(task: Any) -> None:
    assert find_metric(default_metric(task), task).task == task


def test_take_keeps_rows_of_labels_and_probabilities() -> None:
    _, predictions = CLASSIFICATIONS["two texts"]

    part = predictions.take(np.array([5, 0]))

    assert part.values.tolist() == [predictions.values[5], predictions.values[0]]
    assert part.probabilities is not None
    assert part.probabilities.shape == (2, 2)
