"""Predictions in chunks."""

from __future__ import annotations

import logging
import warnings
from typing import Any

import numpy as np
import pytest

from calmops_flows.errors import ModelError
from calmops_flows.learning import RETRAINERS, features, predict
from tests.learning.conftest import Problem
from tests.learning.foreign import Foreign

LOGISTIC = "sklearn.linear_model.LogisticRegression"
FOREST = "sklearn.ensemble.RandomForestClassifier"


def fitted(mixed: Problem, path: str, **params: Any) -> Any:
    return RETRAINERS["full"](mixed.context(path, **params)).estimator


@pytest.mark.parametrize("path", [LOGISTIC, FOREST])
def test_chunks_give_what_the_whole_gives(mixed: Problem, path: str) -> None:
    model = fitted(mixed, path)
    frame = features(mixed.table, mixed.contract)

    found = predict(model, mixed.table, mixed.contract, chunk_rows=37)

    assert found.values.tolist() == model.predict(frame).tolist()
    assert found.probabilities is not None
    assert found.probabilities == pytest.approx(model.predict_proba(frame), abs=1e-12)
    assert found.classes == ("early", "late")


def test_target_is_not_needed(mixed: Problem) -> None:
    model = fitted(mixed, LOGISTIC)

    found = predict(model, mixed.table.drop_columns(["y"]), mixed.contract)

    assert len(found) == 300


def test_model_without_probabilities_gives_none(mixed: Problem) -> None:
    found = predict(fitted(mixed, "sklearn.svm.LinearSVC"), mixed.table, mixed.contract)

    assert found.probabilities is None
    assert found.classes == ("early", "late")


@pytest.mark.parametrize("path", [LOGISTIC, "sklearn.svm.LinearSVC"])
def test_no_rows_give_no_predictions(mixed: Problem, path: str) -> None:
    found = predict(fitted(mixed, path), mixed.table.slice(0, 0), mixed.contract)

    assert len(found) == 0
    assert found.classes == ("early", "late")


@pytest.mark.parametrize("answer", [[1.0], [[1.0, 2.0]] * 300, 5.0])
def test_answer_of_the_wrong_shape_is_an_error(mixed: Problem, answer: Any) -> None:
    with pytest.raises(ModelError, match="Foreign predicted shape"):
        predict(Foreign(answer), mixed.table, mixed.contract)


def test_failing_model_is_an_error_that_names_it(mixed: Problem) -> None:
    model = fitted(mixed, LOGISTIC)
    del model["model"].coef_

    with pytest.raises(ModelError, match="Pipeline cannot predict: AttributeError"):
        predict(model, mixed.table, mixed.contract)


def test_warnings_are_logged_once_and_do_not_escape(
    mixed: Problem, caplog: pytest.LogCaptureFixture
) -> None:
    class Noisy(Foreign):
        def predict(self, X: Any) -> Any:
            warnings.warn("odd numbers", UserWarning, stacklevel=1)
            return np.zeros(len(X))

    with caplog.at_level(logging.WARNING):
        predict(Noisy(), mixed.table, mixed.contract, chunk_rows=100)

    assert [record.getMessage() for record in caplog.records] == [
        "prediction: UserWarning: odd numbers"
    ]
