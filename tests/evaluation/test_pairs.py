"""Differences as functions of weights: influences and resamples against brute force."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from calmops_flows.evaluation import METRICS, Predictions
from calmops_flows.evaluation.bootstrap import paired_bounds
from calmops_flows.evaluation.case import Case
from calmops_flows.evaluation.pairs import MAX_UNITS, Pairs
from calmops_flows.evaluation.ranking import Ranking


def two_models(name: str, n: int, seed: int = 0) -> tuple[Case, Case]:
    rng = np.random.default_rng(seed)
    if METRICS[name].task == "regression":
        numbers = rng.normal(50, 5, n)
        first, second = (Predictions(numbers + rng.normal(size=n)) for _ in range(2))
        return Case(numbers, first), Case(numbers, second)
    truth = rng.integers(0, 2, n)
    sides = []
    for _ in range(2):
        score = np.clip(0.25 + 0.5 * truth + rng.normal(0, 0.3, n), 0.01, 0.99).round(2)
        probabilities = np.column_stack([1 - score, score])
        sides.append(Case(truth, Predictions((score > 0.5).astype(int), probabilities, (0, 1))))
    return sides[0], sides[1]


def repeated(case: Case, rows: NDArray[Any]) -> Case:
    return Case(case.truth[rows], case.predictions.take(rows))


@pytest.mark.parametrize("name", METRICS)
def test_weights_mean_the_same_as_repeated_rows(name: str) -> None:
    metric = METRICS[name]
    first, second = two_models(name, 120)
    pairs = metric.statistic.pairs(first, second)
    doubled = np.r_[np.arange(120), np.arange(120)]

    expected = metric.score(repeated(second, doubled)) - metric.score(repeated(first, doubled))

    assert pairs.difference(2 * pairs.counts[None, :])[0] == pytest.approx(expected, abs=1e-12)
    assert pairs.observed == pytest.approx(metric.score(second) - metric.score(first), abs=1e-12)


@pytest.mark.parametrize("name", METRICS)
def test_influences_are_the_effect_of_one_more_occurrence(name: str) -> None:
    first, second = two_models(name, 2000)
    pairs = METRICS[name].statistic.pairs(first, second)
    n_units = min(len(pairs.counts), 25)
    step = 1e-3

    raised = pairs.counts + step * np.eye(len(pairs.counts))[:n_units]
    effect = (pairs.difference(raised) - pairs.observed) / step * pairs.counts.sum()

    assert pairs.influence[:n_units] == pytest.approx(effect, rel=0.01, abs=2e-3)
    assert pairs.influence @ pairs.counts == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("name", ["rmse", "r2", "log_loss", "roc_auc"])
def test_pooled_rows_give_the_standard_error_of_single_rows(name: str) -> None:
    n = MAX_UNITS + 5000
    first, second = two_models(name, n)
    pooled = METRICS[name].statistic.pairs(first, second)
    whole = [_single_row_influence(name, first, second)]

    rng = np.random.default_rng(3)
    found = paired_bounds(pooled, confidence=0.95, rng=rng, n_resamples=500)

    error = float(np.sqrt((whole[0] ** 2).sum())) / n
    assert len(pooled.counts) == MAX_UNITS
    assert (found.difference - found.lower) / error == pytest.approx(1.645, rel=0.12)


def _single_row_influence(name: str, first: Case, second: Case) -> NDArray[Any]:
    """By hand for each: the derivative of the metric in a row's weight."""
    truth = first.truth
    if name == "roc_auc":
        sides = [Ranking.of(c.probabilities[:, 1], truth == 1).influence() for c in (first, second)]
    elif name == "log_loss":
        sides = [-np.log(c.probabilities[np.arange(len(truth)), truth]) for c in (first, second)]
        sides = [side - side.mean() for side in sides]
    else:
        squares = [(c.truth - c.predictions.values) ** 2 for c in (first, second)]
        if name == "rmse":
            sides = [(s - s.mean()) / (2 * np.sqrt(s.mean())) for s in squares]
        else:
            spread = (truth - truth.mean()) ** 2
            sides = [
                -(s - s.mean()) / spread.mean()
                + s.mean() * (spread - spread.mean()) / spread.mean() ** 2
                for s in squares
            ]
    return np.asarray(sides[1] - sides[0])


def test_lone_telling_row_proves_nothing() -> None:
    influence = np.array([99.0, *[-1.0] * 99]) / 100
    pairs = Pairs(np.ones(100), influence, lambda w: w[:, 0] / w.sum(axis=1), np.arange(100))

    found = paired_bounds(pairs, confidence=0.95, rng=np.random.default_rng(0))

    assert found.lower < 0 < found.difference < found.upper
