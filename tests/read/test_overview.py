from __future__ import annotations

import pytest
from sqlalchemy import event, text, update

from calmops_flows.breaker import Breaker
from calmops_flows.read import list_pipelines
from calmops_flows.records import DecisionKind, Evaluation
from calmops_flows.store import Store, tables
from tests.read.seed import NOW, Seed, a_year


def test_line_tells_counts_champion_and_last_decision(store: Store) -> None:
    a_year(store)

    (view,) = list_pipelines(store)

    assert view.counts == {
        "pending": 1,
        "processed": 5,
        "quarantined": 1,
        "duplicate": 1,
        "superseded": 0,
        "dropped": 0,
    }
    assert (view.name, view.kind, view.champion, view.breaker) == ("flights", "stream", 2, "closed")
    assert view.champion_since == "2013-01-31T15:00:00.000000Z"
    assert view.last is not None
    assert (view.last.snapshot, view.last.decision) == ("m06.csv", "kept")
    assert view.last.is_drift is False
    assert not view.is_running


def test_pipelines_come_by_name_and_do_not_mix(store: Store) -> None:
    for name in ("b", "a"):
        Seed(store, name).process(f"{name}.csv", DecisionKind.TRAINED)
    Seed(store, "c")

    views = list_pipelines(store)

    assert [(v.name, v.champion, v.counts["processed"]) for v in views] == [
        ("a", 1, 1),
        ("b", 1, 1),
        ("c", None, 0),
    ]
    assert [v.last.snapshot if v.last else None for v in views] == ["a.csv", "b.csv", None]


def test_empty_store_has_no_pipelines(store: Store) -> None:
    assert list_pipelines(store) == []


def test_number_of_queries_does_not_grow_with_the_pipelines(store: Store) -> None:
    def queries() -> int:
        seen: list[str] = []
        listen = lambda *args: seen.append(args[2])  # noqa: E731 - SQLAlchemy wants a callable
        event.listen(store.database.engine, "before_cursor_execute", listen)
        list_pipelines(store)
        event.remove(store.database.engine, "before_cursor_execute", listen)
        return len(seen)

    Seed(store, "a").process("1.csv", DecisionKind.TRAINED)
    few = queries()
    for name in ("b", "c", "d"):
        Seed(store, name).process("1.csv", DecisionKind.TRAINED)

    assert queries() == few


@pytest.mark.parametrize(
    ("decision", "is_drift", "health"),
    [
        (DecisionKind.KEPT, False, "healthy"),
        (DecisionKind.KEPT, True, "drift"),
        (DecisionKind.REJECTED, True, "drift"),
        (DecisionKind.PROMOTED, True, "healthy"),
        (DecisionKind.AWAITING_LABELS, True, "awaiting labels"),
    ],
)
def test_health_follows_the_last_decision(
    store: Store, decision: DecisionKind, is_drift: bool, health: str
) -> None:
    seed = Seed(store)
    seed.process("1.csv", DecisionKind.TRAINED)
    seed.process("2.csv", decision, is_drift=is_drift)

    assert list_pipelines(store)[0].health == health


def test_pipeline_without_snapshots_is_new(store: Store) -> None:
    Seed(store).arrive("1.csv")

    assert list_pipelines(store)[0].health == "new"


def test_quarantine_of_the_newest_file_degrades_until_a_good_one_comes(store: Store) -> None:
    seed = Seed(store)
    seed.process("1.csv", DecisionKind.TRAINED)
    seed.quarantine("2.csv")
    degraded = list_pipelines(store)[0].health

    seed.process("3.csv")

    assert (degraded, list_pipelines(store)[0].health) == ("degraded", "healthy")


def test_failures_of_the_breaker_degrade_and_an_open_one_is_named(store: Store) -> None:
    seed = Seed(store)
    seed.process("1.csv", DecisionKind.TRAINED)
    seed.process("2.csv", breaker=Breaker.closed().after_failure(now=NOW))
    degraded = list_pipelines(store)[0]
    seed.process("3.csv", breaker=Breaker.closed().after_failures(3, now=NOW))

    opened = list_pipelines(store)[0]

    assert (degraded.health, degraded.breaker) == ("degraded", "closed")
    assert (opened.health, opened.breaker) == ("circuit open", "open")


def test_unreadable_breaker_counts_as_open(store: Store) -> None:
    Seed(store)
    with store.database.write("pipeline.apply") as connection:
        connection.execute(update(tables.pipelines).values(breaker="{}"))

    assert list_pipelines(store)[0].health == "circuit open"


def test_held_lease_is_running_and_an_expired_one_is_not(store: Store) -> None:
    Seed(store)
    held = list_pipelines(store)[0].is_running
    with store.database.write("lease.acquire") as connection:
        connection.execute(text("UPDATE leases SET expires_at = 1"))

    assert (held, list_pipelines(store)[0].is_running) == (True, False)


def test_metric_is_the_last_snapshots_else_the_holdouts(store: Store) -> None:
    seed = Seed(store)
    seed.process("1.csv", DecisionKind.TRAINED)
    first = list_pipelines(store)[0].metric
    seed.process("2.csv")

    second = list_pipelines(store)[0].metric

    assert first is not None
    assert second is not None
    assert (first.name, first.value, first.basis) == ("balanced_accuracy", 0.75, "holdout")
    assert (second.value, second.basis) == (0.7, "last snapshot")


def test_metric_is_the_one_that_the_spec_promotes_by(store: Store) -> None:
    spec = {"evaluation": {"promotion": {"metric": "accuracy"}}}
    seed = Seed(store, spec=spec)
    seed.process("1.csv", DecisionKind.TRAINED)
    seed.process(
        "2.csv", champion_scores=Evaluation(5, {"accuracy": None, "balanced_accuracy": 0.5})
    )

    metric = list_pipelines(store)[0].metric

    assert metric is not None
    assert (metric.name, metric.value) == ("accuracy", None)
