"""Retention forgets what is over a limit, and nothing that is still needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from calmops_flows import api
from calmops_flows.errors import StoreError
from calmops_flows.settings import Settings
from calmops_flows.spec import RetentionLimit, parse_spec
from calmops_flows.steps.drain import utc_now
from calmops_flows.steps.retain import over_limit, retain
from calmops_flows.store import Store, open_store
from calmops_flows.store.audit import first_broken
from calmops_flows.store.fsck import fsck
from calmops_flows.store.pipelines import load_state
from calmops_flows.store.retention import Item
from calmops_flows.store.tables import model_versions, predictions, snapshots
from tests.store.filled import NAME, fill

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = timedelta(days=2)  # bytes younger than a day are never removed


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(Settings(home=tmp_path / "home")) as opened:
        fill(opened, tmp_path / "source")
        yield opened


def limit(store: Store, **limits: Any) -> None:
    """Apply the pipeline's spec with limits; a window of one row needs one snapshot only."""
    state = load_state(store.database, NAME)
    values = state.spec.model_dump(mode="json", by_alias=True)
    values["retention"] = limits
    values["retrain"]["window_size"] = 1
    api.apply(parse_spec(values), store)


def column(store: Store, what: Any) -> list[Any]:
    with store.database.read() as connection:
        return list(connection.execute(select(what)).scalars())


def test_without_limits_nothing_goes(store: Store) -> None:
    assert retain(store, NAME, now=utc_now() + LATER).forgotten == ()


def test_copies_beyond_the_count_go_and_the_newest_stay(store: Store) -> None:
    before = set(column(store, snapshots.c.data_digest)) - {None}
    limit(store, snapshots={"count": 1})

    done = retain(store, NAME, now=utc_now() + LATER)

    assert [item.label for item in done.forgotten] == ["part1.csv", "part0.csv"]
    left = set(column(store, snapshots.c.data_digest)) - {None}
    assert (len(before), len(left)) == (3, 1)
    assert done.removed == 2
    assert done.freed_bytes > 0
    assert [digest for digest in before if store.artifacts.exists(digest)] == list(left)
    assert fsck(store, now=utc_now()) == ()


def test_dry_run_changes_nothing(store: Store) -> None:
    limit(store, snapshots={"count": 1}, predictions={"count": 0})

    done = retain(store, NAME, dry_run=True, now=utc_now() + LATER)

    assert len(done.forgotten) == 4
    assert len(column(store, predictions.c.artifact)) == 2
    assert done.removed == 0


def test_window_keeps_the_rows_that_it_reaches(store: Store) -> None:
    limit(store, snapshots={"count": 0})

    done = retain(store, NAME, now=utc_now() + LATER)

    assert list(done.protected) == ["snapshots: part2.csv"]


def test_references_of_drift_are_kept(store: Store) -> None:
    limit(store, profiles={"count": 0})

    done = retain(store, NAME, now=utc_now() + LATER)

    kept = {label.removeprefix("profiles: ") for label in done.protected}
    assert {"part0.csv", "part2.csv"} <= kept
    assert api.run(NAME, store=store, prefect=False).outcomes == []


def test_champion_is_no_candidate(store: Store) -> None:
    limit(store, candidates={"count": 0}, predictions={"days": 0})

    done = retain(store, NAME, now=utc_now() + LATER)

    assert {item.kind for item in done.forgotten} <= {"candidates", "predictions"}
    assert "champion" in column(store, model_versions.c.status)
    assert column(store, predictions.c.artifact) == []
    assert fsck(store, now=utc_now()) == ()


def test_young_bytes_wait_for_a_later_round(store: Store) -> None:
    limit(store, predictions={"count": 0})

    done = retain(store, NAME, now=utc_now())

    assert len(done.forgotten) == 2
    assert done.removed == 0
    findings = fsck(store, repair=True, now=utc_now() + LATER)
    assert {f.check for f in findings} == {"orphan"}


def test_run_applies_it_and_the_audit_chain_holds(store: Store, tmp_path: Path) -> None:
    limit(store, snapshots={"count": 1})
    more = (tmp_path / "source" / "part1.csv").read_text() + "0.1,0.2,1\n"
    (tmp_path / "source" / "part3.csv").write_text(more)

    api.run(NAME, store=store, prefect=False)

    assert len(set(column(store, snapshots.c.data_digest)) - {None}) == 1
    with store.database.read() as connection:
        assert first_broken(connection, NAME) is None


@pytest.mark.parametrize("side", ["before", "after"])
def test_failure_leaves_all_or_nothing(
    store: Store, side: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(store, snapshots={"count": 1}, predictions={"count": 0})
    monkeypatch.setattr("calmops_flows.faults._passages", Counter())
    monkeypatch.setenv("CALMOPS_FAULT", f"retention.forget.{side}:1:eio")

    with pytest.raises(StoreError):
        retain(store, NAME, now=utc_now() + LATER)

    left = len(column(store, predictions.c.artifact))
    assert left == (2 if side == "before" else 0)


items = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 100)), max_size=20)


@given(
    items,
    st.none() | st.integers(0, 20),
    st.none() | st.integers(0, 50),
    st.none() | st.integers(0, 500),
)
def test_what_stays_keeps_every_limit_and_is_the_newest(
    made: list[tuple[int, int]], count: int | None, days: int | None, size: int | None
) -> None:
    ages = sorted(age for age, _ in made)
    known = [
        Item("snapshots", n, str(n), (str(n),), (NOW - timedelta(days=age)).isoformat())
        for n, age in enumerate(ages)
    ]
    sizes = {str(n): size for n, (_, size) in enumerate(made)}

    gone = over_limit(known, RetentionLimit(count=count, days=days, bytes=size), sizes, now=NOW)

    stays = [item for item in known if item not in gone]
    assert stays == known[: len(stays)]
    assert count is None or len(stays) <= count
    assert days is None or all(ages[item.key] <= days for item in stays)
    assert size is None or sum(sizes[str(item.key)] for item in stays) <= size
