"""What each retraining mode does with a champion and with old rows."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from calmops_flows.errors import ModelError
from calmops_flows.evaluation.metrics import Task
from calmops_flows.learning import RETRAINERS, dump_model, features, load_model, predict
from calmops_flows.learning.retraining import Past, TrainingContext
from calmops_flows.learning.retraining.stacking import MAX_DEPTH
from calmops_flows.spec import RetrainSpec
from tests.learning.conftest import Problem, mixed_table, problem

LOGISTIC = "sklearn.linear_model.LogisticRegression"
SGD = "sklearn.linear_model.SGDClassifier"
BAYES = "sklearn.naive_bayes.GaussianNB"
MODES = pytest.mark.parametrize("mode", RETRAINERS)
LEARNERS = pytest.mark.parametrize(
    ("path", "task"),
    [
        (BAYES, "classification"),
        (SGD, "classification"),
        ("lightgbm.LGBMClassifier", "classification"),
        ("river.tree.HoeffdingTreeClassifier", "classification"),
        ("river.linear_model.LogisticRegression", "classification"),
        ("sklearn.linear_model.SGDRegressor", "regression"),
        ("lightgbm.LGBMRegressor", "regression"),
        ("river.tree.HoeffdingTreeRegressor", "regression"),
    ],
)
NOT_FOR = {  # what a mode needs and a learner lacks; `validate` refuses these pairs
    ("incremental", "lightgbm.LGBMClassifier"): "no partial_fit",
    ("incremental", "lightgbm.LGBMRegressor"): "no partial_fit",
    ("recalibration", SGD): "no predict_proba",
}


def blobs(n: int, *, centre: float = 0.0, seed: int = 0, n_classes: int = 2) -> pa.Table:
    """Return rows around a centre; the class is the tercile or the sign of a noisy sum."""
    rng = np.random.default_rng(seed)
    X = rng.normal(centre, 1.0, (n, 3))
    score = (X - centre).sum(axis=1) + rng.normal(0, 0.5, n)
    cuts = np.array([0.0]) if n_classes == 2 else np.array([-0.8, 0.8])
    names = np.array(["a", "b", "c"])
    return pa.table(
        {"x": X[:, 0], "v": X[:, 1], "w": X[:, 2], "y": names[np.searchsorted(cuts, score)]}
    )


def numbers(n: int, *, centre: float = 0.0, seed: int = 0) -> pa.Table:
    """Return rows around a centre with a linear target."""
    rng = np.random.default_rng(seed)
    X = rng.normal(centre, 1.0, (n, 2))
    return pa.table(
        {"x": X[:, 0], "v": X[:, 1], "y": 2 * X[:, 0] - X[:, 1] + rng.normal(0, 0.1, n)}
    )


def past_of(table: pa.Table) -> Past:
    """Return a past that holds one table."""

    def newest(n: int | None) -> pa.Table:
        return table if n is None else table.slice(max(0, table.num_rows - n))

    return Past(newest, lambda n: table.slice(0, n))


def after(
    task: Problem, path: str, old: pa.Table, mode: str = "full", **options: Any
) -> TrainingContext:
    """Return the context of new rows, with a champion that learnt the old ones in a mode."""
    first = dataclasses.replace(task, table=old).context(path)
    champion = RETRAINERS[mode](first).estimator
    return dataclasses.replace(
        task.context(path),
        champion=champion,
        past=past_of(old),
        options=RetrainSpec(**options),
    )


def accuracy(estimator: Any, table: pa.Table, task: Problem) -> float:
    found = predict(estimator, table, task.contract).values
    return float((found == np.asarray(table["y"])).mean())


def quality(estimator: Any, table: pa.Table, task: Problem) -> float:
    """Return accuracy, or the correlation of prediction and truth."""
    if task.task == "classification":
        return accuracy(estimator, table, task)
    found = predict(estimator, table, task.contract).values
    return float(np.corrcoef(found, np.asarray(table["y"]))[0, 1])


@MODES
@LEARNERS
def test_mode_follows_a_champion_of_every_learner(mode: str, path: str, task: Task) -> None:
    make = blobs if task == "classification" else numbers
    rows = problem(make(240, seed=1), task)
    context = after(rows, path, make(240))

    if (mode, path) in NOT_FOR:
        with pytest.raises(ModelError, match=NOT_FOR[mode, path]):
            RETRAINERS[mode](context)
        return
    fitted = RETRAINERS[mode](context)

    assert quality(fitted.estimator, make(240, seed=2), rows) > 0.7
    assert fitted.mode == mode
    again = load_model(dump_model(fitted.estimator))
    same = [predict(model, rows.table, rows.contract) for model in (fitted.estimator, again)]
    assert np.array_equal(same[0].values, same[1].values)


@MODES
@pytest.mark.parametrize("path", [BAYES, "river.naive_bayes.GaussianNB"])
def test_three_classes_come_back_with_probabilities(mode: str, path: str) -> None:
    rows = problem(blobs(300, seed=1, n_classes=3))

    fitted = RETRAINERS[mode](after(rows, path, blobs(300, n_classes=3)))

    found = predict(fitted.estimator, rows.table, rows.contract)
    assert found.classes == ("a", "b", "c")
    assert found.probabilities is not None
    assert np.allclose(found.probabilities.sum(axis=1), 1.0)
    assert accuracy(fitted.estimator, rows.table, rows) > 0.6


@MODES
def test_mode_with_a_champion_gives_the_same_bytes_again(mode: str) -> None:
    rows = problem(blobs(200, seed=1))

    made = [
        dump_model(RETRAINERS[mode](after(rows, BAYES, blobs(200))).estimator) for _ in range(2)
    ]

    assert made[0] == made[1]


@MODES
def test_champion_survives_a_mode_that_builds_on_it(mode: str) -> None:
    context = after(problem(blobs(200, seed=1)), BAYES, blobs(200))
    before = dump_model(context.champion)

    RETRAINERS[mode](context)

    assert dump_model(context.champion) == before


def test_incremental_is_partial_fit_behind_the_frozen_encoder() -> None:
    rows = problem(mixed_table(200, seed=1))
    context = after(rows, BAYES, mixed_table(200))

    fitted = RETRAINERS["incremental"](context)

    by_hand = load_model(dump_model(context.champion))
    X = by_hand[:-1].transform(features(rows.table, rows.contract))
    by_hand["model"].partial_fit(X, np.asarray(rows.table["y"]))
    assert dump_model(by_hand) == dump_model(fitted.estimator)


def test_incremental_keeps_a_class_that_has_vanished() -> None:
    old = blobs(300, n_classes=3)
    rows = problem(old)
    without = old.filter(pc.not_equal(old["y"], "c"))

    context = after(dataclasses.replace(rows, table=without), BAYES, old)

    assert RETRAINERS["incremental"](context).estimator.classes_.tolist() == ["a", "b", "c"]


def test_incremental_takes_rows_of_one_class() -> None:
    old = blobs(300)
    only = old.filter(pc.equal(old["y"], "a"))

    fitted = RETRAINERS["incremental"](
        after(dataclasses.replace(problem(old), table=only), BAYES, old)
    )

    assert fitted.estimator.classes_.tolist() == ["a", "b"]


@pytest.mark.parametrize("path", [BAYES, "river.naive_bayes.GaussianNB"])
def test_first_incremental_model_knows_classes_that_its_rows_lack(path: str) -> None:
    rows = problem(blobs(100))

    context = dataclasses.replace(rows.context(path), classes=("a", "b", "c"))

    assert RETRAINERS["incremental"](context).estimator.classes_.tolist() == ["a", "b", "c"]


@pytest.mark.parametrize("mode", ["incremental", "recalibration"])
def test_new_class_is_an_error_where_the_champion_cannot_learn_it(mode: str) -> None:
    rows = problem(blobs(200, seed=1, n_classes=3))

    with pytest.raises(ModelError, match=r"found 1 classes that the champion does not know"):
        RETRAINERS[mode](after(rows, BAYES, blobs(200)))


@pytest.mark.parametrize("mode", ["full", "window", "replay_mix", "stacking"])
def test_new_class_is_learnt_where_a_new_model_is_fitted(mode: str) -> None:
    rows = problem(blobs(200, seed=1, n_classes=3))

    fitted = RETRAINERS[mode](after(rows, BAYES, blobs(200)))

    assert predict(fitted.estimator, rows.table, rows.contract).classes == ("a", "b", "c")


def test_partial_fit_with_fewer_features_is_an_error() -> None:
    old = blobs(100)
    context = after(problem(old), BAYES, old)
    fewer = problem(old.drop(["w"])).context(BAYES)

    with pytest.raises(ModelError, match="GaussianNB cannot be fitted: ValueError"):
        RETRAINERS["incremental"](dataclasses.replace(fewer, champion=context.champion))


def test_window_ends_with_the_newest_rows() -> None:
    rows = problem(blobs(60, seed=1))

    short = RETRAINERS["window"](after(rows, BAYES, blobs(200), window_size=40))
    long = RETRAINERS["window"](after(rows, BAYES, blobs(200), window_size=100))
    whole = RETRAINERS["window"](after(rows, BAYES, blobs(200), window_size=1000))

    assert [short.rows, long.rows, whole.rows] == [40, 100, 260]


def test_window_of_no_stated_size_leaves_no_new_row_out() -> None:
    many = problem(blobs(5_200, seed=1))
    few = problem(blobs(60, seed=1))

    new = RETRAINERS["window"](after(many, BAYES, blobs(200)))
    old = RETRAINERS["window"](after(few, BAYES, blobs(5_200)))

    assert [new.rows, old.rows] == [5_200, 5_000]


def test_scope_all_learns_every_row() -> None:
    rows = problem(blobs(60, seed=1))

    fitted = RETRAINERS["full"](after(rows, BAYES, blobs(200), scope="all"))

    assert fitted.rows == 260


@pytest.mark.parametrize(("fraction", "n_old"), [(0.4, 40), (0.5, 60), (0.9, 200)])
def test_replay_fraction_is_the_share_of_old_rows(fraction: float, n_old: int) -> None:
    rows = problem(blobs(60, seed=1))

    fitted = RETRAINERS["replay_mix"](after(rows, BAYES, blobs(200), replay_fraction=fraction))

    assert fitted.rows == 60 + n_old


def test_stacks_do_not_grow_without_end() -> None:
    rows = problem(blobs(80, seed=1))
    context = after(rows, BAYES, blobs(80))
    for _ in range(MAX_DEPTH + 2):
        fitted = RETRAINERS["stacking"](context)
        context = dataclasses.replace(context, champion=fitted.estimator)

    assert fitted.estimator.depth <= MAX_DEPTH
    assert any("oldest" in note for note in fitted.notes) or fitted.estimator.depth < MAX_DEPTH


def test_stacking_with_too_few_rows_of_a_class_says_so() -> None:
    table = blobs(50)
    labels = pa.array(["a"] * 49 + ["b"])
    rows = problem(table.set_column(3, "y", labels))
    context = dataclasses.replace(after(rows, BAYES, blobs(50)), past=None)

    with pytest.raises(ModelError, match="two of each of two classes"):
        RETRAINERS["stacking"](context)


@pytest.mark.parametrize("n", [300, 3_000])
def test_recalibration_inverts_no_pair_and_merges_none(n: int) -> None:
    rows = problem(blobs(n, seed=1))
    context = after(rows, BAYES, blobs(300))

    fitted = RETRAINERS["recalibration"](context)

    test = blobs(2_000, seed=2)
    before, later = (
        predict(model, test, rows.contract).probabilities
        for model in (context.champion, fitted.estimator)
    )
    assert before is not None
    assert later is not None
    order = np.argsort(before[:, 1], kind="stable")
    assert (np.diff(later[order, 1]) >= 0).all()
    distinct = np.diff(before[order, 1]) > 1e-8
    assert (np.diff(later[order, 1])[distinct] > 0).all()


def test_recalibration_of_three_classes_keeps_their_order_in_each_row() -> None:
    rows = problem(blobs(500, seed=1, n_classes=3))
    context = after(rows, BAYES, blobs(500, n_classes=3))

    fitted = RETRAINERS["recalibration"](context)

    before, later = (
        predict(model, rows.table, rows.contract) for model in (context.champion, fitted.estimator)
    )
    assert np.array_equal(before.values, later.values)


def test_recalibration_replaces_an_earlier_one() -> None:
    rows = problem(blobs(200, seed=1))
    context = after(rows, BAYES, blobs(200))
    once = RETRAINERS["recalibration"](context).estimator

    twice = RETRAINERS["recalibration"](dataclasses.replace(context, champion=once)).estimator

    assert dump_model(once) == dump_model(twice)


def test_recalibration_of_a_regressor_takes_a_shift_away() -> None:
    rows = problem(numbers(300, seed=1), "regression")
    shifted = rows.table.set_column(2, "y", pc.add(rows.table["y"], 10.0))
    task = dataclasses.replace(rows, table=shifted)

    fitted = RETRAINERS["recalibration"](after(task, "sklearn.linear_model.Ridge", numbers(300)))

    errors = predict(fitted.estimator, shifted, rows.contract).values - np.asarray(shifted["y"])
    assert np.abs(errors).mean() < 0.2


def test_recalibration_refuses_a_champion_that_is_upside_down() -> None:
    old = blobs(300)
    flipped = [{"a": "b", "b": "a"}[label] for label in old["y"].to_pylist()]
    rows = problem(old.set_column(3, "y", pa.array(flipped)))

    with pytest.raises(ModelError, match="does not rise"):
        RETRAINERS["recalibration"](after(rows, BAYES, old))
