"""The promised figures of the retraining modes, on one small draw each."""

from __future__ import annotations

import pytest

from benchmarks.learning_modes import accuracies, recalibrated


def test_stacking_keeps_the_old_region_and_learns_the_new_one() -> None:
    found = accuracies("stacking", 7, 800)

    assert found["old against champion"] >= -0.05
    assert found["new against champion"] >= 0.03


def test_replay_keeps_the_old_concept_and_loses_little_on_the_new() -> None:
    found = accuracies("replay_mix", 7, 800)

    assert found["old against full"] >= 0.03
    assert found["new against full"] >= -0.02


@pytest.mark.parametrize("n", [600, 2_000])
def test_recalibration_lowers_the_log_loss_and_inverts_no_pair(n: int) -> None:
    found = recalibrated(7, n)

    assert found["log loss"] >= 0.05
    assert found["inverted"] == 0
