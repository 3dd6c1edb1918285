"""``retrain.cost``: a fit must win what it costs."""

from __future__ import annotations

import pytest

from calmops_flows.records import Rule
from calmops_flows.steps.worth import cost_rule
from calmops_flows.store.history import decision
from calmops_flows.store.registry import versions
from tests.steps.conftest import Stream, rows


def cost_of(stream: Stream, snapshot: int) -> Rule | None:
    """Return the rule on cost that the record of a snapshot shows."""
    record = decision(stream.store.database, snapshot)
    assert record is not None
    return next((rule for rule in record.rules if rule.name == "cost"), None)


def test_fit_that_costs_more_than_it_may_win_is_left_out(stream: Stream) -> None:
    stream.declare(retrain={"when": "always", "cost": 1e9}, drift={"multivariate": "off"})
    stream.drop("m0.csv", rows(0))
    stream.drop("m1.csv", rows(1, sign=-1))

    found = stream.drain().outcomes

    assert [outcome.decision for outcome in found] == ["trained", "kept"]
    assert found[1].reason == (
        "the policy is to retrain on every snapshot, but a fit costs more than it may win"
    )
    rule = cost_of(stream, 2)
    assert rule is not None
    (first,) = versions(stream.store.database, "stream")
    assert rule.passed is False
    assert rule.threshold == pytest.approx(1e9 * first.fit_seconds)
    assert isinstance(rule.observed, float)
    assert 200 < rule.observed <= 400  # most of the score on 400 rows is lost


def test_large_loss_pays_for_a_fit_and_none_does_not(stream: Stream) -> None:
    stream.declare(retrain={"when": "always", "cost": 1e-3}, drift={"multivariate": "off"})
    stream.drop("m0.csv", rows(0))
    stream.drop("m1.csv", rows(1, sign=-1))

    found = stream.drain().outcomes

    assert [outcome.decision for outcome in found] == ["trained", "promoted"]
    rule = cost_of(stream, 2)
    assert rule is not None
    assert rule.passed is True
    assert cost_of(stream, 1) is None  # the first model is not weighed


def test_weight_is_not_asked_for_by_default(stream: Stream) -> None:
    stream.declare(retrain={"when": "always"}, drift={"multivariate": "off"})
    for number in range(2):
        stream.drop(f"m{number}.csv", rows(number))

    stream.drain()

    assert cost_of(stream, 2) is None


@pytest.mark.parametrize(
    ("drop", "weight", "is_worth"),
    [(0.1, 12.5, True), (0.1, 12.6, False), (-0.2, 0.0, True), (-0.2, 1e-9, False)],
)
def test_gain_in_rows_must_reach_the_price(drop: float, weight: float, is_worth: bool) -> None:
    found = cost_rule(drop, 500, weight=weight, seconds=4.0)

    assert found.passed is is_worth
    assert found.threshold == weight * 4.0
    assert found.observed == max(drop, 0.0) * 500


def test_drift_of_the_data_alone_asks_for_a_fit_under_data(stream: Stream) -> None:
    stream.declare(
        retrain={"when": "data"}, drift={"multivariate": "off", "performance": {"max_drop": 0.05}}
    )
    stream.drop("m0.csv", rows(0))
    stream.drop("m1.csv", rows(1, sign=-1))  # the concept alone
    stream.drop("m2.csv", rows(2, shift=2.0))  # the data alone

    found = stream.drain().outcomes

    assert [outcome.decision == "kept" for outcome in found] == [False, True, False]
    assert found[1].reason == "no reason to retrain"
    assert str(found[2].reason).startswith("drift in a, b")
