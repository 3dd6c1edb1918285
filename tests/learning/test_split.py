"""Training and holdout parts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calmops_flows.errors import TooFewRowsError
from calmops_flows.learning import split
from calmops_flows.spec import EvaluationSpec

KINDS = st.sampled_from(["last", "random", "stratified"])


def judged(kind: str, share: float = 0.2) -> EvaluationSpec:
    return EvaluationSpec.model_validate({"split": kind, "holdout": share})


@given(n=st.integers(2, 300), kind=KINDS, share=st.floats(0.001, 0.999), seed=st.integers(0, 99))
def test_parts_are_disjoint_complete_and_never_empty(
    n: int, kind: str, share: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 4, n).astype(float)

    train, holdout = split(n, judged(kind, share), y, rng)

    assert len(train) >= 1
    assert len(holdout) == min(n - 1, max(1, round(n * share)))
    assert np.union1d(train, holdout).tolist() == list(range(n))
    assert len(train) + len(holdout) == n


def test_last_rows_judge_by_default() -> None:
    train, holdout = split(10, EvaluationSpec(), None, np.random.default_rng(0))

    assert train.tolist() == list(range(8))
    assert holdout.tolist() == [8, 9]


@given(seed=st.integers(0, 999), n_rare=st.integers(5, 100))
def test_stratified_holdout_keeps_the_proportions(seed: int, n_rare: int) -> None:
    y = (np.arange(500) < n_rare).astype(int)

    _, holdout = split(500, judged("stratified"), y, np.random.default_rng(seed))

    assert abs(y[holdout].mean() - n_rare / 500) < 1 / len(holdout)


def test_stratified_split_of_numbers_covers_each_tenth() -> None:
    y = np.random.default_rng(0).normal(size=1000)

    _, holdout = split(1000, judged("stratified"), y, np.random.default_rng(1))

    tenth = np.searchsorted(np.quantile(y, np.linspace(0, 1, 11)[1:-1]), y[holdout])
    assert np.bincount(tenth, minlength=10).tolist() == pytest.approx([20] * 10, abs=1)


@pytest.mark.parametrize("seed", range(20))
def test_only_row_of_its_class_trains(seed: int) -> None:
    y = np.array(["a"] * 10 + ["b"] * 10 + ["c"], dtype=object)

    _, holdout = split(21, judged("stratified", 0.5), y, np.random.default_rng(seed))

    assert 20 not in holdout


def test_same_seed_gives_the_same_parts() -> None:
    y = np.arange(100) % 3

    parts = [split(100, judged("random"), y, np.random.default_rng(5))[1] for _ in range(2)]

    assert parts[0].tolist() == parts[1].tolist()


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_rows_are_an_error(n: int) -> None:
    with pytest.raises(TooFewRowsError, match=f"found {n}"):
        split(n, EvaluationSpec(), None, np.random.default_rng(0))


def test_holdout_grows_until_it_can_judge_by_each_class() -> None:
    y = np.tile([0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 40)

    train, holdout = split(400, judged("last"), y, np.random.default_rng(0))

    assert len(holdout) == 191  # the 20th last of the ones, and all that follow
    assert y[holdout].sum() == 20
    assert len(train) == 209


@pytest.mark.parametrize("kind", ["last", "random", "stratified"])
def test_holdout_stays_where_half_of_the_rows_could_not_judge(kind: str) -> None:
    y = (np.arange(400) < 30).astype(int)

    _, holdout = split(400, judged(kind), y, np.random.default_rng(0))

    assert len(holdout) == 80


def test_drawn_holdout_grows_by_the_share_of_the_rarest_class() -> None:
    y = np.tile([0, 0, 0, 0, 0, 0, 0, 1], 50)

    _, holdout = split(400, judged("stratified"), y, np.random.default_rng(0))

    assert len(holdout) == 160
    assert y[holdout].sum() == 20
