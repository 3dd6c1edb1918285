"""Counts that curves are drawn from, and error bars of scores, against direct computation."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, roc_auc_score

from calmops_flows.charts.count_figures import calibration_points, roc_points
from calmops_flows.evaluation import Predictions, evaluate
from calmops_flows.evaluation.intervals import with_bounds
from calmops_flows.evaluation.score_counts import OTHERS, ScoreCounts, count_scores


def a_binary(n: int, seed: int = 0) -> tuple[np.ndarray, Predictions]:  # type: ignore[type-arg]
    rng = np.random.default_rng(seed)
    p = rng.random(n)
    truth = (rng.random(n) < p).astype(int)
    return truth, Predictions((p > 0.5).astype(int), np.column_stack([1 - p, p]), (0, 1))


def test_confusion_counts_all_rows_as_scikit_learn_does() -> None:
    truth, said = a_binary(2_000)

    counts = count_scores("classification", truth, said)

    assert counts is not None
    expected = confusion_matrix(truth, said.values).tolist()
    assert [list(row) for row in counts.confusion] == expected
    assert counts.labels == ("0", "1")


def test_curve_of_counts_has_nearly_the_area_of_all_rows() -> None:
    truth, said = a_binary(5_000)
    counts = count_scores("classification", truth, said)
    assert counts is not None

    (one,) = counts.classes
    x, y = zip(*roc_points(one), strict=True)

    assert said.probabilities is not None
    assert np.trapezoid(y, x) == pytest.approx(
        roc_auc_score(truth, said.probabilities[:, 1]), abs=0.002
    )
    for stated, share, rows in calibration_points(one):
        assert abs(stated - share) < 4 * np.sqrt(0.25 / rows) + 0.005


def test_counts_of_many_labels_are_cut_and_keep_every_row() -> None:
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 30, 3_000)
    said = Predictions(np.roll(truth, 7))

    counts = count_scores("classification", truth, said)

    assert counts is not None
    assert len(counts.labels) == 12
    assert counts.labels[-1] == OTHERS
    assert sum(map(sum, counts.confusion)) == 3_000


def test_counts_survive_being_written() -> None:
    truth, said = a_binary(300)
    rng = np.random.default_rng(2)
    numbers = rng.normal(size=300)
    for counts in (
        count_scores("classification", truth, said),
        count_scores("regression", numbers, Predictions(numbers + rng.normal(size=300))),
    ):
        assert counts is not None
        assert ScoreCounts.from_json(counts.to_json()) == counts


def test_residuals_count_every_row_and_find_a_bias() -> None:
    rng = np.random.default_rng(3)
    said = rng.normal(size=4_000)

    counts = count_scores("regression", said + 2.0, Predictions(said))

    assert counts is not None
    assert sum(counts.residuals) == 4_000
    assert all(one.median == pytest.approx(2.0) for one in counts.slices)


def test_numbers_that_are_not_finite_are_not_counted() -> None:
    assert count_scores("regression", np.array([1.0, np.nan]), Predictions(np.ones(2))) is None


@pytest.mark.parametrize("n", [400, 50_000])
def test_bounds_of_accuracy_are_those_of_a_share(n: int) -> None:
    truth, said = a_binary(n)

    found = with_bounds(evaluate("classification", truth, said, names=["accuracy"]), truth, said)

    share = found.metrics["accuracy"]
    assert share is not None
    reach = 1.96 * np.sqrt(share * (1 - share) / n)
    assert found.bounds["accuracy"] == pytest.approx((share - reach, share + reach), abs=reach / 20)


def test_bounds_cover_the_truth_about_as_often_as_they_say() -> None:
    covered = 0
    for seed in range(200):
        truth, said = a_binary(400, seed)
        scores = evaluate("classification", truth, said, names=["roc_auc"])
        low, high = with_bounds(scores, truth, said).bounds["roc_auc"]
        covered += low <= 5 / 6 <= high  # P(p' < p | p' wrong, p right) for uniform p: 5/6

    assert 180 <= covered <= 198
