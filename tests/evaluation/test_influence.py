"""Influences of rows against the jackknife."""

from __future__ import annotations

import numpy as np
import pytest

from calmops_flows.errors import UntestableError
from calmops_flows.evaluation import METRICS, Case, Predictions, evaluate
from calmops_flows.evaluation.influence import influence, spread

N = 300


def case(task: str) -> Case:
    rng = np.random.default_rng(3)
    if task == "regression":
        truth = rng.normal(5, 1, N)
        return Case(truth, Predictions(truth + rng.normal(0, 0.5, N)))
    probability = rng.random(N)
    truth = (rng.random(N) < probability).astype(int)
    both = np.column_stack([1 - probability, probability])
    return Case(truth, Predictions((probability > 0.5).astype(int), both, (0, 1)))


@pytest.mark.parametrize("name", METRICS)
def test_standard_error_agrees_with_the_jackknife(name: str) -> None:
    metric = METRICS[name]
    whole = case(metric.task)
    without = []
    for row in range(N):
        kept = np.arange(N) != row
        part = Case(whole.truth[kept], whole.predictions.take(kept))
        without.append(metric.score(part))
    jackknife = np.sqrt((N - 1) * np.var(without))

    found = spread(influence(metric, whole))

    assert found.error == pytest.approx(jackknife, rel=0.03)


def test_influences_of_several_classes_average_to_zero() -> None:
    rng = np.random.default_rng(0)
    truth, said = rng.integers(0, 4, (2, 200))
    whole = Case(truth, Predictions(said))

    found = influence(METRICS["f1_macro"], whole)

    assert abs(found.mean()) < 1e-12
    assert evaluate("classification", truth, Predictions(said)).metrics["f1_macro"] is not None


def test_one_telling_row_counts_as_one() -> None:
    influences = np.zeros(100)
    influences[0] = 1.0

    found = spread(influences)

    assert found.effective == pytest.approx(1.0)
    assert found.freedom == 1.0


def test_one_row_has_no_standard_error() -> None:
    with pytest.raises(UntestableError, match="no finite standard error"):
        spread(np.zeros(1))
