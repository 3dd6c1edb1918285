from __future__ import annotations

import pytest
from sqlalchemy import update

from calmops_flows.learning.retraining import RETRAINERS
from calmops_flows.learning.retraining.base import Fitted, TrainingContext
from calmops_flows.read import explain, to_sentences
from calmops_flows.records import Decision, Outcome
from calmops_flows.store import registry
from calmops_flows.store.pipelines import load_state
from calmops_flows.store.tables import pipelines
from tests.steps.conftest import Stream, rows

DEMANDING = {"thresholds": {"accuracy": 0.7}}


def two_champions(stream: Stream, **more: object) -> None:
    """Train on one concept, then promote a model of the opposite one; stop retraining then."""
    stream.declare(evaluation=DEMANDING)
    stream.drop("1.csv", rows(1))
    stream.drop("2.csv", rows(2, sign=-1))
    assert [o.champion for o in stream.drain().outcomes] == [1, 2]
    stream.declare(evaluation=DEMANDING, retrain={"when": "never"}, **more)


def next_one(stream: Stream, name: str, **of_rows: int) -> tuple[Outcome, Decision]:
    """Process one more snapshot."""
    stream.drop(name, rows(int(name[0]), **of_rows))
    (outcome,) = stream.drain().outcomes
    found = explain(stream.store, "stream").decision
    assert found is not None
    return outcome, found


def statuses(stream: Stream) -> list[str]:
    return [v.status for v in registry.versions(stream.store.database, "stream")]


def test_earlier_champion_that_is_better_serves_again(stream: Stream) -> None:
    two_champions(stream)

    outcome, found = next_one(stream, "3.csv", sign=1)

    assert (outcome.decision, outcome.champion, outcome.challenger) == ("rolled_back", 1, 1)
    assert statuses(stream) == ["champion", "retired"]
    assert load_state(stream.store.database, "stream").champion == 1
    assert found.reason.endswith("retired version 1 is better than the champion")
    said = " ".join(to_sentences(explain(stream.store, "stream")))
    assert "an earlier version serves again; version 1 serves" in said
    assert "retired version 1: chosen" in said


def test_nobody_looks_back_while_nothing_is_wrong(stream: Stream) -> None:
    two_champions(stream)
    next_one(stream, "3.csv", sign=-1)  # the first one after the refit

    outcome, found = next_one(stream, "4.csv", sign=-1)

    assert (outcome.decision, outcome.champion, found.attempts) == ("kept", 2, ())


def test_earlier_version_and_new_fit_are_judged_together(stream: Stream) -> None:
    two_champions(stream)
    stream.declare(evaluation=DEMANDING)

    _, found = next_one(stream, "3.csv", sign=1)

    modes = [tried.mode for tried in found.attempts]
    assert modes == ["judged version 2", "retired version 1", "full"]
    assert found.error_budget is not None
    assert found.error_budget.n_tries == 3
    best = max(found.attempts, key=lambda t: (t.comparison and t.comparison.difference) or -1)
    assert [t.is_chosen for t in found.attempts] == [t is best for t in found.attempts]


def test_unreadable_breaker_lets_no_earlier_version_back(stream: Stream) -> None:
    two_champions(stream)
    with stream.store.database.write("test.breaker") as connection:
        connection.execute(update(pipelines).values(breaker="?"))

    outcome, _ = next_one(stream, "3.csv", sign=1)

    assert (outcome.decision, outcome.champion) == ("kept", 2)


def worse_on_all_rows(context: TrainingContext) -> Fitted:
    """Learn the opposite of what the rows say when none is held out, as no real refit would."""
    fitted = RETRAINERS["honest"](context)
    if context.table.num_rows == 400:
        fitted.estimator.steps[-1][1].coef_ *= -1
    return fitted


def test_refit_that_is_worse_gives_way_to_the_judged_version(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RETRAINERS, "honest", RETRAINERS["full"])
    monkeypatch.setitem(RETRAINERS, "full", worse_on_all_rows)
    stream.declare(retrain={"when": "never"})
    stream.drop("1.csv", rows(1))
    stream.drain()
    monkeypatch.undo()

    outcome, found = next_one(stream, "2.csv")

    first, second = registry.versions(stream.store.database, "stream")
    assert (outcome.decision, outcome.champion) == ("rolled_back", 2)
    assert (first.status, second.status) == ("retired", "champion")
    assert second.artifact == first.judged_artifact
    assert second.judged_artifact is None
    assert [t.mode for t in found.attempts] == ["judged version 1"]


def test_refit_is_compared_with_the_judged_version_once(stream: Stream) -> None:
    stream.declare(retrain={"when": "never"})
    stream.drop("1.csv", rows(1))
    stream.drain()

    first, compared = next_one(stream, "2.csv")
    second, later = next_one(stream, "3.csv")

    assert [t.mode for t in compared.attempts] == ["judged version 1"]
    assert later.attempts == ()
    assert [first.decision, second.decision] == ["kept", "kept"]
    assert first.challenger is None
