"""One model per block over a global one."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import check_estimator

from calmops_flows import BlockwiseClassifier, BlockwiseRegressor
from calmops_flows.errors import ModelError, SpecError
from calmops_flows.learning import dump_model, load_model

TREE = DecisionTreeClassifier(max_depth=3, random_state=0)


def blocks(
    ids: tuple[Any, ...] = ("b2", "b10", "b1"), n: int = 60
) -> tuple[pd.DataFrame, NDArray[Any]]:
    """Return rows whose label is the sign of x, turned over in the second block."""
    rng = np.random.default_rng(0)
    column = np.repeat(np.array(ids, dtype=object), n)
    x = rng.normal(size=len(column))
    sign = np.where(column == ids[1], -1, 1)
    frame = pd.DataFrame({"x": x, "block": column, "z": rng.normal(size=len(x))})
    return frame, np.where(x * sign > 0, "up", "down")


def test_without_blocks_the_classifier_keeps_every_rule_of_scikit_learn() -> None:
    found = check_estimator(BlockwiseClassifier(LogisticRegression()), on_fail="raise")

    assert {check["status"] for check in found} <= {"passed"}


def test_without_blocks_the_regressor_keeps_every_rule_of_scikit_learn() -> None:
    found = check_estimator(BlockwiseRegressor(Ridge()), on_fail="raise")

    assert {check["status"] for check in found} <= {"passed"}


def test_each_block_is_predicted_by_its_own_model() -> None:
    X, y = blocks()

    model = BlockwiseClassifier(TREE, block="block").fit(X, y)

    assert list(model.parts_) == ["b1", "b2", "b10"]
    assert np.mean(model.predict(X) == y) == 1.0
    assert np.mean(model.global_.predict(X.drop(columns="block")) == y) < 0.9


def test_order_of_the_rows_does_not_matter() -> None:
    X, y = blocks()
    model = BlockwiseClassifier(TREE, block="block").fit(X, y)
    order = np.random.default_rng(1).permutation(len(y))

    shuffled = model.predict_proba(X.iloc[order])

    assert shuffled.tolist() == model.predict_proba(X)[order].tolist()


def test_ids_of_mixed_type_are_text_in_natural_order() -> None:
    X, y = blocks((10, "2", 1.0, "z"))

    model = BlockwiseClassifier(TREE, block="block").fit(X, y)
    as_text = model.predict(X.assign(block=X["block"].map({10: "10", "2": 2, 1.0: "1", "z": "z"})))

    assert list(model.parts_) == ["1", "2", "10", "z"]
    assert as_text.tolist() == model.predict(X).tolist()


def test_column_of_an_array_can_hold_the_ids() -> None:
    X, y = blocks((3, 1, 2))
    values = X[["x", "block", "z"]].to_numpy(dtype=float)

    model = BlockwiseClassifier(TREE, block=1).fit(values, y)

    assert list(model.parts_) == ["1", "2", "3"]
    assert model.n_features_in_ == 3
    assert model.predict(values).tolist() == y.tolist()


@pytest.mark.parametrize("fallback", ["global", "ensemble"])
def test_unknown_and_missing_blocks_are_predicted_by_the_fallback(fallback: Any) -> None:
    X, y = blocks()
    model = BlockwiseClassifier(TREE, block="block", fallback=fallback).fit(X, y)
    rest = X.drop(columns="block")
    models = [model.global_] if fallback == "global" else list(model.parts_.values())
    expected = np.mean([one.predict_proba(rest) for one in models], axis=0)

    for unknown in ("b3", None, float("nan")):
        found = model.predict_proba(X.assign(block=unknown))
        assert found == pytest.approx(expected)


def test_rows_without_an_id_teach_the_global_model_only() -> None:
    X, y = blocks()
    X.loc[X["block"] == "b10", "block"] = None

    model = BlockwiseClassifier(TREE, block="block").fit(X, y)

    assert list(model.parts_) == ["b1", "b2"]
    assert model.global_.tree_.n_node_samples[0] == len(y)


def test_block_of_one_class_is_recorded_and_predicted_by_the_global_model() -> None:
    X, y = blocks()
    y[X["block"] == "b1"] = "up"

    model = BlockwiseClassifier(TREE, block="block").fit(X, y)
    mine = X[X["block"] == "b1"]

    assert model.skipped_ == {"b1": "its 60 rows are of one class"}
    expected = model.global_.predict(mine.drop(columns="block"))
    assert model.predict(mine).tolist() == expected.tolist()


def test_small_block_is_recorded() -> None:
    X, y = blocks()

    model = BlockwiseRegressor(Ridge(), block="block", min_rows=60).fit(
        X[:-1], (y == "up")[:-1] * 1.0
    )

    assert model.skipped_ == {"b1": "59 rows, fewer than 60"}


def test_probabilities_are_aligned_when_a_block_lacks_a_class() -> None:
    X, y = blocks()
    y[(X["block"] == "b2") & (X["z"] > 1)] = "jump"

    model = BlockwiseClassifier(TREE, block="block").fit(X, y)
    of_b1 = model.predict_proba(X[X["block"] == "b1"])

    assert model.classes_.tolist() == ["down", "jump", "up"]
    assert of_b1[:, 1].max() == 0.0
    assert of_b1.sum(axis=1) == pytest.approx(np.ones(60))


def test_update_refits_the_named_blocks_only() -> None:
    X, y = blocks()
    model = BlockwiseClassifier(TREE, block="block").fit(X, y)
    before = {name: dump_model(part) for name, part in model.split_parts()[1].items()}
    turned = np.where(y == "up", "down", "up")

    model.update(X, turned, blocks=["b2"])
    after = {name: dump_model(part) for name, part in model.split_parts()[1].items()}

    assert [name for name in before if before[name] != after[name]] == ["b2"]
    is_b2 = X["block"] == "b2"
    assert model.predict(X[is_b2]).tolist() == turned[is_b2].tolist()


def test_update_can_add_a_block_and_refit_the_global_model() -> None:
    X, y = blocks()
    model = BlockwiseClassifier(TREE, block="block").fit(X, y)
    globally = model.global_

    model.update(X.assign(block="b3"), y, refit_global=True)

    assert list(model.parts_) == ["b1", "b2", "b3", "b10"]
    assert model.global_ is not globally


def test_block_that_cannot_be_fitted_again_keeps_its_model() -> None:
    X, y = blocks()
    model = BlockwiseClassifier(TREE, block="block").fit(X, y)
    kept = model.parts_["b2"]

    model.update(X, np.full(len(y), "up"), blocks=["b2"])

    assert model.parts_["b2"] is kept
    assert model.skipped_ == {"b2": "its 60 rows are of one class"}


def test_update_of_a_block_without_rows_is_refused() -> None:
    X, y = blocks()
    model = BlockwiseClassifier(TREE, block="block").fit(X, y)

    with pytest.raises(ModelError, match=r"no row of the blocks \['b7'\] is among the 180 given"):
        model.update(X, y, blocks=["b7"])


def test_update_without_blocks_refits_the_global_model() -> None:
    X, y = blocks()
    rest = X.drop(columns="block")
    model = BlockwiseClassifier(TREE).fit(rest, y)

    model.update(rest, np.full(len(y), "up"))

    assert set(model.predict(rest)) == {"up"}


def test_parts_are_kept_and_put_together_again() -> None:
    X, y = blocks()
    model = BlockwiseClassifier(TREE, block="block").fit(X, y)
    shell, parts = model.split_parts()
    kept = {name: dump_model(part) for name, part in parts.items()}

    joined = load_model(dump_model(shell)).join_parts(
        {name: load_model(content) for name, content in kept.items()}
    )
    joined.update(X, y, blocks=["b10"])

    assert list(kept) == ["", "b1", "b2", "b10"]
    assert joined.predict_proba(X).tolist() == model.predict_proba(X).tolist()
    assert {name: dump_model(part) for name, part in joined.split_parts()[1].items()} == kept
    assert len(dump_model(shell)) < 2_000


def test_shell_without_global_model_cannot_be_joined() -> None:
    shell, parts = BlockwiseClassifier(TREE, block="block").fit(*blocks()).split_parts()

    with pytest.raises(ModelError, match="the global model is not among the 3 parts"):
        shell.join_parts({name: part for name, part in parts.items() if name})


def test_fitted_models_are_taken_as_they_are_and_the_copy_stands_alone() -> None:
    X, y = blocks()
    model = BlockwiseClassifier(TREE, block="block").fit(X, y)

    other = copy.copy(model).with_parts({"b2": model.parts_["b10"]}, model.global_)

    assert other.parts_ == {"b2": model.parts_["b10"]}
    assert list(model.parts_) == ["b1", "b2", "b10"]


def test_estimator_that_was_never_fitted_takes_fitted_models() -> None:
    X, y = blocks()
    model = BlockwiseClassifier(TREE, block="block").fit(X, y)

    other = BlockwiseClassifier(TREE, block="block").with_parts(model.parts_, model.global_)

    assert other.predict_proba(X).tolist() == model.predict_proba(X).tolist()


def test_regressor_means_over_all_for_an_unknown_block() -> None:
    X, _ = blocks()
    target = X["x"].to_numpy() * np.where(X["block"] == "b10", -1.0, 1.0)

    model = BlockwiseRegressor(LinearRegression(), block="block", fallback="ensemble").fit(
        X, target
    )

    assert model.predict(X) == pytest.approx(target)
    assert model.predict(X.assign(block="new")) == pytest.approx(X["x"].to_numpy() / 3)


def test_ensemble_of_models_without_probabilities_votes() -> None:
    X, y = blocks()

    model = BlockwiseClassifier(LinearSVC(), block="block", fallback="ensemble").fit(X, y)
    said = model.predict(X.assign(block="new"))

    assert not hasattr(model, "predict_proba")
    assert np.mean(said == np.where(X["x"] > 0, "up", "down")) > 0.9


def test_missing_block_column_is_refused() -> None:
    X, y = blocks()

    with pytest.raises(ModelError, match="there is no block column 'country'"):
        BlockwiseClassifier(TREE, block="country").fit(X, y)


@pytest.mark.parametrize("params", [{"fallback": "none"}, {"min_rows": 0}])
def test_parameter_out_of_range_is_refused(params: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match=next(iter(params))):
        BlockwiseRegressor(Ridge(), **params).fit([[0.0], [1.0]], [0.0, 1.0])
