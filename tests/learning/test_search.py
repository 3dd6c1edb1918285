"""Parameters are searched around each fit."""

from __future__ import annotations

import dataclasses
import logging

import pytest

from calmops_flows.errors import ModelError
from calmops_flows.learning import RETRAINERS, dump_model
from calmops_flows.spec import SearchSpec
from tests.learning.conftest import mixed_table, problem

TREE = "sklearn.tree.DecisionTreeClassifier"
PLAIN = SearchSpec(params={"max_depth": [1, 2, 5]})


@pytest.mark.parametrize("method", ["grid", "random", "halving"])
def test_every_method_tells_what_it_chose(method: str) -> None:
    search = PLAIN.model_copy(update={"method": method})
    context = dataclasses.replace(problem(mixed_table()).context(TREE), search=search)

    fitted = RETRAINERS["full"](context)

    depth = fitted.estimator["model"].max_depth
    assert depth in {1, 2, 5}
    assert f"search chose max_depth={depth}" in fitted.notes


@pytest.mark.parametrize("scoring", [None, "log_loss", "roc_auc"])
def test_the_better_value_wins_by_every_metric(scoring: str | None) -> None:
    search = SearchSpec(params={"n_neighbors": [1, 25]}, scoring=scoring)
    rows = problem(mixed_table())
    context = rows.context("sklearn.neighbors.KNeighborsClassifier")

    fitted = RETRAINERS["full"](dataclasses.replace(context, search=search))

    assert fitted.estimator["model"].n_neighbors == 25


def test_same_seed_finds_the_same_model() -> None:
    context = dataclasses.replace(
        problem(mixed_table()).context(TREE), search=PLAIN.model_copy(update={"method": "random"})
    )

    found = [dump_model(RETRAINERS["full"](context).estimator) for _ in range(2)]

    assert found[0] == found[1]


def test_search_reports_its_progress(caplog: pytest.LogCaptureFixture) -> None:
    context = dataclasses.replace(problem(mixed_table()).context(TREE), search=PLAIN)

    with caplog.at_level(logging.INFO, logger="calmops_flows"):
        RETRAINERS["full"](context)

    assert "search: 9 of about 9 fits scored" in caplog.messages


def test_a_value_that_the_model_refuses_is_a_failed_fit() -> None:
    search = SearchSpec(params={"max_depth": [1, -1]})
    context = dataclasses.replace(problem(mixed_table()).context(TREE), search=search)

    with pytest.raises(ModelError, match="DecisionTreeClassifier cannot be fitted: InvalidParam"):
        RETRAINERS["full"](context)
