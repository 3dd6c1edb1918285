"""Performance drops: bounds, selection, what cannot be tested."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from calmops_flows.errors import UntestableError
from calmops_flows.evaluation import Holdout, Predictions, drop_rule, performance_drop
from calmops_flows.evaluation.holdout import holdout_score, shrunken_gain

Labels = NDArray[np.int64]


def answers(
    rng: np.random.Generator, n: int, error: float, *, classes: int = 2
) -> tuple[Labels, Predictions]:
    truth = rng.integers(0, classes, n)
    wrong = (truth + rng.integers(1, classes, n)) % classes
    return truth, Predictions(np.where(rng.random(n) < error, wrong, truth))


def judged(rng: np.random.Generator, n: int, error: float, *, classes: int = 2) -> Holdout:
    return Holdout("classification", *answers(rng, n, error, classes=classes))


def test_drop_is_relative_to_the_holdout_score() -> None:
    truth = np.repeat([0, 1], 50)
    before = Holdout("classification", truth, Predictions(np.where(np.arange(100) < 20, 1, truth)))
    now = Predictions(np.where(np.arange(100) < 40, 1, truth))

    found = performance_drop(before, truth, now, metric="accuracy")

    assert (found.before, found.now) == (0.8, 0.6)
    assert found.drop == pytest.approx(0.25)
    # Fieller by hand: standard errors sqrt(.8*.2/99) and sqrt(.6*.4/99), t quantile 1.653 of about
    # 190 degrees of freedom: ((1-d)*.8 - .6)^2 = 1.653^2 * ((1-d)^2*.001616 + .002424).
    assert found.lower == pytest.approx(0.1229, abs=0.003)


def test_rise_of_a_loss_is_a_drop() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=2000)
    before = Holdout("regression", truth, Predictions(truth + rng.normal(size=2000)))
    now = Predictions(truth + 1.5 * rng.normal(size=2000))

    found = performance_drop(before, truth, now, metric="rmse")

    assert found.drop == pytest.approx(0.5, abs=0.06)
    assert 0.4 < found.lower < found.drop
    assert drop_rule(found, 0.3).passed is False
    assert drop_rule(found, 0.6).passed is True


def test_better_than_before_is_a_negative_drop() -> None:
    rng = np.random.default_rng(0)
    before = judged(rng, 500, 0.3)

    found = performance_drop(before, *answers(rng, 500, 0.1), metric="accuracy")

    assert found.drop < 0
    assert found.lower < found.drop
    assert drop_rule(found, 0.05).passed is True


@pytest.mark.parametrize("classes", [2, 3])
def test_false_alarms_stay_within_the_confidence(classes: int) -> None:
    rng = np.random.default_rng(1)
    alarms = 0
    # The true drop is exactly what is tolerated: 0.8 to 0.76.
    for _ in range(400):
        before = judged(rng, 300, 0.2, classes=classes)
        now = answers(rng, 600, 0.24, classes=classes)
        found = performance_drop(before, *now, metric="balanced_accuracy")
        alarms += drop_rule(found, 0.05).passed is False

    assert alarms / 400 < 0.05 + 2.5 * np.sqrt(0.05 * 0.95 / 400)


def test_large_drop_is_found_nearly_always() -> None:
    rng = np.random.default_rng(2)
    found = [
        performance_drop(judged(rng, 300, 0.2), *answers(rng, 600, 0.4), metric="accuracy")
        for _ in range(50)
    ]

    assert sum(drop_rule(drop, 0.05).passed is False for drop in found) >= 49


def test_champion_without_an_error_on_its_holdout_is_not_taken_for_perfect() -> None:
    rng = np.random.default_rng(0)
    before = judged(rng, 40, 0.0)

    found = performance_drop(before, *answers(rng, 2000, 0.04), metric="accuracy")

    assert found.before == 1.0
    assert drop_rule(found, 0.01).passed is True


def test_score_not_above_zero_has_no_share_to_lose() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=100)
    before = Holdout("regression", truth, Predictions(truth[::-1].copy()))

    with pytest.raises(UntestableError, match="not above 0"):
        performance_drop(before, truth, Predictions(truth), metric="r2")


def test_too_few_rows_are_untestable() -> None:
    rng = np.random.default_rng(0)

    with pytest.raises(UntestableError, match="at least 20 rows"):
        performance_drop(judged(rng, 300, 0.2), *answers(rng, 15, 0.2), metric="accuracy")


def test_correction_for_selection_takes_most_of_the_optimism() -> None:
    rng = np.random.default_rng(4)
    raw: list[float] = []
    corrected: list[float] = []
    while len(raw) < 60:  # the challenger is no better than its rival, but was chosen
        truth = rng.integers(0, 2, 400)
        hard = rng.random(400) < 0.1
        said = [
            Predictions(np.where(hard | (rng.random(400) < 0.1), 1 - truth, truth)) for _ in "ab"
        ]
        gain = float(np.mean(said[0].values == truth) - np.mean(said[1].values == truth))
        if gain <= 0.03:
            continue
        holdout = Holdout("classification", truth, said[0], said[1], "accuracy", 0.03)
        found = holdout_score(holdout, "accuracy")
        raw.append(found.raw - 0.81)
        corrected.append(found.score - 0.81)

    assert np.mean(raw) > 0.012
    assert abs(float(np.mean(corrected))) < 0.5 * float(np.mean(raw))


def test_loss_is_corrected_upwards() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=300)
    first, second = (Predictions(truth + rng.normal(size=300)) for _ in "ab")
    holdout = Holdout("regression", truth, first, second, "rmse", -0.01)

    found = holdout_score(holdout, "rmse")

    gain = float(
        np.sqrt(np.mean((second.values - truth) ** 2))
        - np.sqrt(np.mean((first.values - truth) ** 2))
    )
    assert (found.score > found.raw) == (gain > -0.01)


def test_unselected_model_keeps_its_score() -> None:
    found = holdout_score(judged(np.random.default_rng(0), 100, 0.2), "accuracy")

    assert found.score == found.raw


@given(st.floats(-1, 1), st.floats(0.01, 1), st.floats(-1, 1))
def test_shrunken_gain_lies_between_zero_and_the_gain(
    gain: float, error: float, cut: float
) -> None:
    found = shrunken_gain(gain, error, cut)

    assert found <= max(gain, 0.0) + 1e-9
    assert found >= min(gain, 0.0, cut) - 1e-9
