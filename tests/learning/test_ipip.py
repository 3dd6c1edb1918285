"""IPIP as users see it: labels, blocks, reproducible, persisted."""

from __future__ import annotations

from typing import Any

import joblib
import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import check_estimator

from calmops_flows import IPIPClassifier
from calmops_flows.errors import ModelError, SpecError
from calmops_flows.learning import dump_model, load_model

TREE = DecisionTreeClassifier(max_depth=4)
Rows = tuple[NDArray[np.float64], NDArray[Any]]


def rare(
    seed: int = 0, n: int = 800, *, share: float = 0.08, labels: tuple[Any, Any] = (0, 1)
) -> Rows:
    """Return rows whose rare class lies above the others in two columns."""
    rng = np.random.default_rng(seed)
    is_rare = rng.random(n) < share
    X = rng.normal(size=(n, 4))
    X[is_rare, :2] += 1.5
    return X, np.array(labels)[is_rare.astype(int)]


def three(seed: int = 0, n: int = 900) -> Rows:
    """Return rows of three classes around three corners."""
    rng = np.random.default_rng(seed)
    y = rng.choice(3, n, p=[0.8, 0.12, 0.08])
    corners = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 3.0]])
    return corners[y] + rng.normal(size=(n, 2)), np.array(["a", "b", "c"])[y]


def fitted(seed: int = 0, **params: Any) -> IPIPClassifier:
    return IPIPClassifier(TREE, random_state=seed, **params).fit(*rare())


def test_it_keeps_every_rule_of_scikit_learn() -> None:
    found = check_estimator(IPIPClassifier(TREE), on_fail="raise")

    assert {check["status"] for check in found} <= {"passed"}


@pytest.mark.slow
def test_default_forest_keeps_every_rule_of_scikit_learn() -> None:
    found = check_estimator(IPIPClassifier(), on_fail="raise")

    assert {check["status"] for check in found} <= {"passed"}


def test_sizes_follow_the_minority_rows() -> None:
    model = fitted()

    assert (model.p_, model.b_) == (7, 5)
    assert len(model.ensembles_) == len(model.sizes_) == len(model.validation_scores_) == 7
    assert all(1 <= size <= 5 for size in model.sizes_)


def test_all_ensembles_are_distinct() -> None:
    model = fitted(max_attempts=5)
    X, y = rare(1)

    model.update(X, y)

    assert len({dump_model(models) for models in model.ensembles_}) == model.p_
    assert len({model.ensembles_[i][0].predict_proba(X).tobytes() for i in range(model.p_)}) > 1


def test_same_seed_same_bytes_and_other_seed_other_model() -> None:
    one, same, other = (dump_model(fitted(seed).update(*rare(1))) for seed in (3, 3, 4))

    assert one == same
    assert one != other


@pytest.mark.parametrize("backend", ["threading", pytest.param("loky", marks=pytest.mark.slow)])
def test_result_does_not_depend_on_the_number_of_workers(backend: str) -> None:
    alone = fitted(5).update(*rare(1))

    with joblib.parallel_config(backend=backend):
        two = fitted(5, n_jobs=2).update(*rare(1))

    assert dump_model(alone.ensembles_) == dump_model(two.ensembles_)


@pytest.mark.parametrize(
    "labels", [("no", "yes"), ("yes", "no"), (False, True), (True, False), (7, -3), (0.0, 1.0)]
)
def test_any_labels_give_the_same_model(labels: tuple[Any, Any]) -> None:
    X, y = rare(labels=labels)
    X_new, y_new = rare(1, labels=labels)

    said = IPIPClassifier(TREE, random_state=0).fit(X, y).predict(X_new)

    assert said.dtype == y.dtype
    assert balanced_accuracy_score(y_new, said) > 0.8


def test_it_finds_the_rare_class_that_a_plain_tree_misses() -> None:
    X, y = rare(n=3000, share=0.02)
    X_new, y_new = rare(1, n=3000, share=0.02)

    ours = balanced_accuracy_score(
        y_new, IPIPClassifier(TREE, random_state=0).fit(X, y).predict(X_new)
    )
    plain = balanced_accuracy_score(y_new, TREE.fit(X, y).predict(X_new))

    assert ours > plain + 0.1


def test_three_classes_are_three_problems_that_share_one() -> None:
    X, y = three()
    X_new, y_new = three(1)

    model = IPIPClassifier(TREE, random_state=0).fit(X, y).update(X_new, y_new)
    probabilities = model.predict_proba(X_new)

    assert [problem.positive for problem in model.problems_] == ["a", "b", "c"]
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(len(y_new)))
    assert balanced_accuracy_score(y_new, model.predict(X_new)) > 0.8


def test_model_without_probabilities_counts_as_sure() -> None:
    X, y = rare()

    model = IPIPClassifier(LinearSVC(), random_state=0).fit(X, y)

    assert balanced_accuracy_score(y, model.predict(X)) > 0.75


def test_quorum_is_more_careful_with_the_rare_class_and_keeps_probabilities() -> None:
    X, y = rare(2, n=2000)
    soft, quorum = fitted(), fitted(voting="quorum")

    n_soft, n_quorum = (int(model.predict(X).sum()) for model in (soft, quorum))

    assert 0 < n_quorum < n_soft
    assert quorum.predict_proba(X).tolist() == soft.predict_proba(X).tolist()
    assert balanced_accuracy_score(y, quorum.predict(X)) > 0.7


def test_quorum_asks_the_rarer_class_whatever_its_place() -> None:
    X, y = rare(2)

    first, second = (
        IPIPClassifier(LogisticRegression(), voting="quorum", random_state=1)
        .fit(*rare(labels=labels))
        .predict(X)
        == labels[1]
        for labels in (("z", "a"), ("a", "z"))
    )

    assert np.mean(first == second) > 0.97
    assert abs(int(first.sum()) - int(second.sum())) <= 0.1 * second.sum()
    assert y.sum() > 0


def test_quorum_works_with_three_classes() -> None:
    X, y = three()

    model = IPIPClassifier(TREE, voting="quorum", random_state=0).fit(X, y)

    assert balanced_accuracy_score(y, model.predict(X)) > 0.8


def test_update_follows_a_new_concept() -> None:
    model = fitted()
    blocks = [rare(seed) for seed in (1, 2, 3)]
    for X, _ in blocks:
        X[:, :2] *= -1
    before = balanced_accuracy_score(blocks[2][1], model.predict(blocks[2][0]))

    model.update(*blocks[0]).update(*blocks[1])

    assert model.replacement_share_ > 0
    assert balanced_accuracy_score(blocks[2][1], model.predict(blocks[2][0])) > before + 0.2


def test_fit_is_all_new_and_a_block_of_one_class_changes_nothing() -> None:
    model = fitted()
    whole = dump_model(model.ensembles_)
    assert model.replacement_share_ == 1.0

    model.update(rare(1)[0], np.zeros(800, dtype=int))

    assert dump_model(model.ensembles_) == whole
    assert (model.n_new_, model.n_updates_, model.validation_score_) == (0, 1, None)
    assert model.notes_ == ("the block holds one class only, 0: nothing was learnt",)


def test_one_class_is_nothing_to_fit() -> None:
    with pytest.raises(ModelError, match="found one class: 1"):
        IPIPClassifier().fit(np.zeros((5, 2)), np.ones(5, dtype=int))


def test_saved_model_goes_on_as_the_one_in_memory() -> None:
    model = fitted()
    content = dump_model(model)

    loaded = load_model(content)

    assert dump_model(loaded) == content
    assert dump_model(loaded.update(*rare(1))) == dump_model(model.update(*rare(1)))


def test_single_minority_row_makes_one_ensemble_of_one_model() -> None:
    X, y = rare(share=0.0)
    y[5] = 1

    model = IPIPClassifier(TREE, random_state=0).fit(X, y)

    assert (model.p_, model.b_, model.sizes_) == (1, 1, [1])
    assert model.validation_score_ is None
    assert model.predict(X[5:6]).tolist() == [1]


def test_weak_block_does_not_shrink_the_model() -> None:
    model = fitted()
    X, y = rare(1, share=0.0)
    y[0] = 1

    model.update(X, y)

    assert model.p_ == 7


def test_new_class_is_learnt_and_a_vanished_one_stays() -> None:
    X, y = three()
    X_new, y_new = three(1)
    first, second = y != "c", y_new != "a"
    model = IPIPClassifier(TREE, random_state=0).fit(X[first], y[first])

    model.update(X_new[second], y_new[second])

    assert model.classes_.tolist() == ["a", "b", "c"]
    assert "class 'a' is not in the block: its ensembles are kept" in model.notes_
    assert balanced_accuracy_score(y_new, model.predict(X_new)) > 0.7


def test_labels_of_another_kind_are_refused() -> None:
    with pytest.raises(ModelError, match="number before, now they are str"):
        fitted().update(*rare(labels=("a", "b")))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"minority_fraction": 0}, "minority_fraction must lie"),
        ({"validation_share": 1.0}, "validation_share must lie"),
        ({"majority_share": 1}, "majority_share must lie"),
        ({"max_attempts": 0}, "max_attempts must be at least 1, got 0"),
        ({"metric": "accuracy"}, "metric must be one of"),
        ({"voting": "hard"}, "voting must be one of"),
    ],
)
def test_parameter_out_of_range_is_refused(params: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        fitted(**params)
