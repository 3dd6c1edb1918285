"""One name for how a pipeline stands after a run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from calmops_flows.breaker import Breaker
from calmops_flows.flows.states import end_state
from calmops_flows.records import Decision, DecisionKind, DriftSummary, Outcome, Rule
from calmops_flows.spec import PipelineSpec, parse_spec
from calmops_flows.steps.drain import Drained

CLOSED = Breaker.closed()
OPEN = CLOSED.after_failures(3, now=datetime(2013, 1, 1, tzinfo=UTC))


def spec(**thresholds: float) -> PipelineSpec:
    return parse_spec(
        {
            "name": "p",
            "target": "y",
            "source": {"path": "arrivals"},
            "model": {"class": "sklearn.linear_model.LogisticRegression"},
            "evaluation": {"thresholds": thresholds},
        }
    )


def outcome(decision: str | None, *, champion: float = 0.9, challenger: float = 0.9) -> Outcome:
    values: dict[str, Any] = {
        "champion": {"accuracy": champion},
        "challenger": {"accuracy": challenger},
    }
    return Outcome(
        snapshot="1.csv",
        digest="0" * 64,
        state="processed" if decision else "quarantined",
        reason=None,
        decision=decision,
        champion=1,
        challenger=None,
        metrics=values,
        drift=DriftSummary(is_drift=None, alpha=None),
        rows=100,
        at=None,
        run_id=None,
    )


@pytest.mark.parametrize(
    ("decisions", "name"),
    [
        ([], "Idle"),
        (["kept"], "Healthy"),
        (["awaiting_labels"], "Healthy"),
        (["trained", "kept"], "Retrained"),
        (["trained", "promoted", "kept"], "Promoted"),
        (["promoted", "rejected"], "Promoted"),
        (["kept", "rejected"], "Degraded"),
    ],
)
def test_decisions_name_the_state(decisions: list[str], name: str) -> None:
    drained = Drained(outcomes=[outcome(decision) for decision in decisions])

    assert end_state(drained, spec(), CLOSED).name == name


def test_busy_pipeline_is_not_idle() -> None:
    assert end_state(Drained(is_busy=True), spec(), OPEN).name == "Busy"


def test_run_that_lost_its_lease_midway_tells_what_it_did() -> None:
    drained = Drained(outcomes=[outcome("kept")], is_busy=True)

    assert end_state(drained, spec(), CLOSED).name == "Healthy"


def test_open_breaker_comes_before_everything_that_was_decided() -> None:
    drained = Drained(outcomes=[outcome("promoted")])

    assert end_state(drained, spec(), OPEN).name == "CircuitOpen"


def test_quarantined_file_degrades_a_run_that_promoted() -> None:
    drained = Drained(outcomes=[outcome("promoted")], quarantined=[outcome(None)])

    state = end_state(drained, spec(), CLOSED)

    assert state.name == "Degraded"
    assert state.message == "2 snapshots: 1 promoted, 1 quarantined"


def test_champion_that_fails_a_threshold_degrades() -> None:
    drained = Drained(outcomes=[outcome("kept", champion=0.6)])

    assert end_state(drained, spec(accuracy=0.8), CLOSED).name == "Degraded"


def test_failing_champion_that_was_replaced_does_not_degrade() -> None:
    drained = Drained(outcomes=[outcome("promoted", champion=0.6, challenger=0.9)])

    assert end_state(drained, spec(accuracy=0.8), CLOSED).name == "Promoted"


def test_failure_that_a_later_snapshot_made_good_does_not_degrade() -> None:
    drained = Drained(outcomes=[outcome("kept", champion=0.6), outcome("kept", champion=0.9)])

    assert end_state(drained, spec(accuracy=0.8), CLOSED).name == "Healthy"


@pytest.mark.parametrize("name", ["no performance drop", "no concept drift"])
@pytest.mark.parametrize(
    ("kind", "passed", "state"),
    [
        ("kept", False, "Degraded"),
        ("deferred", False, "Degraded"),
        ("kept", True, "Healthy"),
        ("kept", None, "Healthy"),
        ("promoted", False, "Promoted"),
    ],
)
def test_worse_champion_that_goes_on_serving_degrades(
    name: str, kind: str, passed: bool | None, state: str
) -> None:
    last = Decision(DecisionKind(kind), "", (Rule(name, 0.2, 0.05, passed),))

    end = end_state(Drained(outcomes=[outcome(kind)]), spec(), CLOSED, last)

    assert end.name == state
