"""What every retraining mode keeps to."""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from calmops_flows.errors import ModelError
from calmops_flows.learning import RETRAINERS, dump_model, predict
from calmops_flows.learning.retraining.base import MAX_NOTES, TrainingContext, fit
from calmops_flows.spec import ModelSpec
from tests.learning.conftest import Problem, mixed_table, problem
from tests.learning.foreign import Foreign

LOGISTIC = "sklearn.linear_model.LogisticRegression"
# What the modes do with a champion, and incremental learners, stand in test_modes.py.
MODES = pytest.mark.parametrize("mode", [mode for mode in RETRAINERS if mode != "incremental"])


@MODES
@pytest.mark.parametrize(
    "path",
    [
        LOGISTIC,
        "sklearn.ensemble.HistGradientBoostingClassifier",
        "sklearn.svm.LinearSVC",
        "sklearn.naive_bayes.GaussianNB",
    ],
)
def test_mode_learns_mixed_data_without_user_code(mixed: Problem, mode: str, path: str) -> None:
    fitted = RETRAINERS[mode](mixed.context(path))

    predictions = predict(fitted.estimator, mixed.table, mixed.contract)
    truth = np.asarray(mixed.table["y"])
    assert (predictions.values == truth).mean() > 0.75
    assert fitted.mode == mode
    assert fitted.rows == 300
    assert fitted.fit_seconds >= 0


@MODES
def test_mode_learns_a_regression(mode: str) -> None:
    table = mixed_table()
    task = problem(table, "regression", target="x")

    fitted = RETRAINERS[mode](task.context("sklearn.linear_model.Ridge"))

    found = predict(fitted.estimator, table, task.contract)
    assert np.corrcoef(found.values, np.asarray(table["x"]))[0, 1] > 0.5
    assert found.classes is None


@MODES
@pytest.mark.parametrize("target", [[0, 1], [True, False], ["a", "b", "c"], [0.0, 1.0]])
def test_labels_come_back_as_they_were(mode: str, target: list[object]) -> None:
    table = pa.table({"x": np.arange(60.0), "y": target * (60 // len(target))})
    task = problem(table)

    fitted = RETRAINERS[mode](task.context("sklearn.tree.DecisionTreeClassifier"))

    found = predict(fitted.estimator, table, task.contract)
    assert found.values.tolist() == table["y"].to_pylist()
    assert found.classes == tuple(sorted(target))  # type: ignore[type-var]


@MODES
def test_rows_without_label_are_left_out(mode: str) -> None:
    table = mixed_table()
    labels = pa.array([None if i % 3 == 0 else y for i, y in enumerate(table["y"].to_pylist())])
    task = problem(table.set_column(table.num_columns - 1, "y", labels))

    fitted = RETRAINERS[mode](task.context(LOGISTIC))

    assert fitted.rows == 200


@MODES
@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["a"] * 30, "needs at least two classes, found 1"),
        ([None] * 30, "no labelled rows"),
    ],
)
def test_too_few_classes_are_an_error(mode: str, labels: list[str | None], message: str) -> None:
    task = problem(pa.table({"x": np.arange(30.0), "y": pa.array(labels, pa.string())}))

    with pytest.raises(ModelError, match=message):
        RETRAINERS[mode](task.context(LOGISTIC))


@MODES
def test_one_row_is_an_error(mode: str) -> None:
    task = problem(mixed_table(1))

    with pytest.raises(ModelError, match="found 1"):
        RETRAINERS[mode](task.context(LOGISTIC))


@MODES
def test_failing_fit_is_an_error_that_names_class_and_cause(mixed: Problem, mode: str) -> None:
    context = mixed.context(LOGISTIC, C=-1.0)

    with pytest.raises(ModelError, match="LogisticRegression cannot be fitted: InvalidParameter"):
        RETRAINERS[mode](context)


@MODES
def test_warnings_of_the_library_become_notes(mixed: Problem, mode: str) -> None:
    context = mixed.context(LOGISTIC, max_iter=1)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = RETRAINERS[mode](context)

    assert len(fitted.notes) == 1
    assert fitted.notes[0].startswith("ConvergenceWarning: lbfgs failed to converge")


@MODES
def test_champion_is_left_as_it_was(mixed: Problem, mode: str) -> None:
    champion = RETRAINERS["full"](mixed.context(LOGISTIC)).estimator
    before = dump_model(champion)

    RETRAINERS[mode](dataclasses.replace(mixed.context(LOGISTIC, seed=9), champion=champion))

    assert dump_model(champion) == before


@MODES
@pytest.mark.parametrize(
    "path",
    [
        LOGISTIC,
        "sklearn.ensemble.RandomForestClassifier",
        "sklearn.ensemble.HistGradientBoostingClassifier",
    ],
)
def test_same_rows_and_seed_give_the_same_bytes(mode: str, path: str) -> None:
    bytes_of = [
        dump_model(RETRAINERS[mode](problem(mixed_table()).context(path)).estimator)
        for _ in range(2)
    ]

    assert bytes_of[0] == bytes_of[1]


def test_other_seed_gives_another_forest(mixed: Problem) -> None:
    path = "sklearn.ensemble.RandomForestClassifier"
    first, second = (
        dump_model(RETRAINERS["full"](mixed.context(path, seed=seed, n_estimators=5)).estimator)
        for seed in (1, 2)
    )

    assert first != second


def test_pipeline_of_steps_is_fitted(mixed: Problem) -> None:
    steps = [{"class": "sklearn.decomposition.PCA", "params": {"n_components": 2}}]
    model = ModelSpec.model_validate({"steps": [*steps, {"class": LOGISTIC}]})

    fitted = RETRAINERS["full"](mixed.context_of(model))

    assert fitted.estimator["model"].coef_.shape == (1, 2)


def test_ten_thousand_columns_are_learnt() -> None:
    rng = np.random.default_rng(0)
    numbers = {f"x{i}": rng.normal(size=60) for i in range(5000)}
    texts = {f"s{i}": rng.choice(["a", "b", "c"], 60) for i in range(5000)}
    task = problem(pa.table({**numbers, **texts, "y": rng.choice(["n", "p"], 60)}))

    fitted = RETRAINERS["full"](task.context(LOGISTIC))

    assert predict(fitted.estimator, task.table, task.contract).values.shape == (60,)


def test_a_million_levels_do_not_swell_the_model() -> None:
    n = 1_000_000
    rng = np.random.default_rng(0)
    ids = pa.array(np.arange(n)).cast(pa.string())
    task = problem(pa.table({"id": ids, "x": rng.normal(size=n), "y": rng.random(n) < 0.5}))

    fitted = RETRAINERS["full"](task.context("sklearn.tree.DecisionTreeClassifier", max_depth=2))

    assert len(dump_model(fitted.estimator)) < 20_000


def test_foreign_error_is_cut_to_its_first_line(mixed: Problem) -> None:
    context = mixed.context(LOGISTIC)

    with pytest.raises(ModelError, match=r"Foreign cannot be fitted: ArithmeticError: first line$"):
        fit(Foreign(fails=True), context, mixed.table, mode="full")


def test_many_warnings_are_cut_at_ten(mixed: Problem) -> None:
    class Noisy(Foreign):
        def fit(self, X: Any, y: Any) -> Noisy:
            assert len(X) == len(y)
            for number in range(MAX_NOTES + 13):
                for _ in range(2):
                    warnings.warn(f"warning {number}", UserWarning, stacklevel=1)
            return self

    fitted = fit(Noisy(), mixed.context(LOGISTIC), mixed.table, mode="full")

    assert fitted.notes[0] == "UserWarning: warning 0 (2 times)"
    assert fitted.notes[-1] == "… and 13 more"
    assert len(fitted.notes) == MAX_NOTES + 1


def test_contract_without_target_is_an_error(mixed: Problem) -> None:
    context: TrainingContext = dataclasses.replace(
        mixed.context(LOGISTIC), contract=dataclasses.replace(mixed.contract, target=None)
    )

    with pytest.raises(ModelError, match="names no target"):
        fit(Foreign(), context, mixed.table, mode="full")
