from __future__ import annotations

import json
from typing import Any

import pytest

from calmops_flows.read.explain import explain
from calmops_flows.read.sentences import to_sentences
from calmops_flows.read.status import status
from calmops_flows.records import Outcome
from calmops_flows.store.fsck import fsck
from calmops_flows.store.history import decision
from calmops_flows.store.pipelines import load_state
from calmops_flows.store.registry import versions
from calmops_flows.store.tables import audit
from tests.steps.conftest import Stream, rows


def said(found: list[Outcome]) -> list[tuple[str, str | None]]:
    return [(outcome.snapshot, outcome.decision) for outcome in found]


def sentences(stream: Stream, name: str) -> str:
    return " ".join(to_sentences(explain(stream.store, "stream", name)))


@pytest.fixture
def open_breaker(stream: Stream) -> Stream:
    """A stream whose first fit failed, so that the breaker is open for an hour."""
    stream.declare(breaker={"max_failures": 1, "backoff_minutes": 60, "factor": 3})
    stream.drop("1.csv", rows(1).assign(y=1))
    stream.drain()
    assert load_state(stream.store.database, "stream").breaker.state == "open"
    return stream


@pytest.fixture
def owing(open_breaker: Stream) -> Stream:
    """One that has put off retraining on two snapshots since."""
    open_breaker.drop("2.csv", rows(2))
    open_breaker.drop("3.csv", rows(3))
    assert said(open_breaker.drain().outcomes) == [("2.csv", "deferred"), ("3.csv", "deferred")]
    return open_breaker


def test_pause_that_ended_is_enough_to_train_on_the_newest_deferred_rows(owing: Stream) -> None:
    before = [outcome.to_dict() for outcome in owing.history()]
    owed_before = status(owing.store, "stream").deferred
    owing.later(minutes=59)
    early = owing.drain().outcomes
    owing.later(minutes=2)

    found = owing.drain().outcomes

    assert early == []
    assert said(found) == [("catch-up:3.csv", "trained")]
    assert [outcome.to_dict() for outcome in owing.history()[:3]] == before
    assert load_state(owing.store.database, "stream").breaker.state == "closed"
    assert (owed_before, status(owing.store, "stream").deferred) == (2, 0)
    assert owing.drain().outcomes == []


def test_decision_names_what_it_makes_good_wherever_it_is_shown(owing: Stream) -> None:
    owing.later(minutes=61)
    owing.drain()

    record = decision(owing.store.database, 4)
    assert record is not None
    assert record.makes_good == ("2.csv", "3.csv")
    assert record.reason.startswith("retraining was put off on 2.csv, 3.csv; ")
    said_of_it = sentences(owing, "catch-up:3.csv")
    assert "It makes good the retraining that was put off on: 2.csv" in said_of_it
    for name in ("2.csv", "3.csv"):
        assert "Retraining followed later; see catch-up:3.csv." in sentences(owing, name)
    assert "followed later" not in sentences(owing, "1.csv")
    with owing.store.database.read() as connection:
        entries = [row for row in connection.execute(audit.select()) if row.kind == "processed"]
    assert json.loads(entries[-1].payload)["makes_good"] == ["2.csv", "3.csv"]
    assert fsck(owing.store, now=owing.now) == ()


def test_attempt_that_fails_opens_the_breaker_for_longer_and_leaves_it_owed(
    open_breaker: Stream,
) -> None:
    open_breaker.drop("2.csv", rows(2).assign(y=1))
    open_breaker.drain()
    open_breaker.later(minutes=61)

    failed = open_breaker.drain().outcomes
    waiting = open_breaker.drain().outcomes
    open_breaker.drop("3.csv", rows(3))
    deferred = open_breaker.drain().outcomes
    open_breaker.later(minutes=181)
    found = open_breaker.drain().outcomes

    assert said(failed) == [("catch-up:2.csv", "kept")]
    assert (failed[0].reason or "").startswith("retrain_failed: ")
    assert waiting == []
    assert said(deferred) == [("3.csv", "deferred")]
    assert said(found) == [("catch-up:3.csv", "trained")]
    record = decision(open_breaker.store.database, 5)
    assert record is not None
    assert record.makes_good == ("2.csv", "3.csv")


@pytest.mark.parametrize(
    "retrain", [{"mode": "auto"}, {"mode": "full", "scope": "all"}, {"mode": "replay_mix"}]
)
def test_deferred_rows_are_learnt_once(owing: Stream, retrain: dict[str, Any]) -> None:
    owing.declare(retrain=retrain)
    owing.later(minutes=61)

    owing.drain()

    (version,) = versions(owing.store.database, "stream")
    manifest = json.loads(owing.store.artifacts.get(version.manifest))
    n_train = {"auto": 1_120, "full": 1_120}  # three snapshots without the 80 rows that judge
    assert manifest["rows"] == n_train.get(retrain["mode"], manifest["rows"])
    assert manifest["rows"] <= 1_120


@pytest.mark.parametrize("retrain", [{"when": "never"}, {"when": "always", "budget": 0.25}])
def test_nothing_is_fitted_that_the_policy_no_longer_wants(
    owing: Stream, retrain: dict[str, Any]
) -> None:
    owing.declare(retrain=retrain)
    owing.later(minutes=61)

    found = owing.drain().outcomes

    assert all(outcome.decision != "deferred" for outcome in found)
    assert len(found) == (0 if retrain["when"] == "never" else 1)


def test_second_snapshot_after_the_attempt_is_judged_as_usual(owing: Stream) -> None:
    owing.later(minutes=61)
    owing.drop("4.csv", rows(4))
    owing.drop("5.csv", rows(5, shift=3, sign=-1))

    found = owing.drain().outcomes

    assert said(found) == [
        ("catch-up:3.csv", "trained"),
        ("4.csv", "kept"),
        ("5.csv", "promoted"),
    ]
