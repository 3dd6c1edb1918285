"""Quarantined snapshots are tried again or dropped, once, and the audit log knows."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from calmops_flows.errors import NotFoundError, StoreError
from calmops_flows.records import Snapshot
from calmops_flows.store import Store, ledger
from calmops_flows.store.lease import Lease
from calmops_flows.store.ledger import Arrival
from calmops_flows.store.quarantine import drop, retry
from calmops_flows.store.tables import audit, snapshots
from tests.store.conftest import NOW, FailAt


@pytest.fixture
def bad(store: Store, lease: Lease) -> list[Snapshot]:
    """Two quarantined snapshots, each with an attempt used up."""
    arrivals = [Arrival(f"m{n}.csv", str(n) * 64, 10, "stamp", n) for n in (1, 2)]
    ledger.register(
        store.database, "flights", lease.token, arrivals, process_duplicates=False, now=NOW
    )
    found = [snapshot for snapshot, _ in ledger.pending(store.database, "flights")]
    for snapshot in found:
        ledger.begin_attempt(store.database, snapshot, lease.token)
        ledger.quarantine(store.database, snapshot, lease.token, "crashed: why", now=NOW)
    return found


def rows(store: Store) -> list[tuple[str, str | None, int]]:
    query = select(snapshots.c.state, snapshots.c.reason, snapshots.c.attempts)
    with store.database.read() as connection:
        return [tuple(row) for row in connection.execute(query.order_by(snapshots.c.sequence))]


@pytest.mark.parametrize("name", ["m1.csv", "111111"])
def test_retry_makes_one_pending_with_all_its_attempts(
    store: Store, bad: list[Snapshot], name: str
) -> None:
    done = retry(store.database, "flights", [name], now=NOW)

    assert done == ("m1.csv",)
    assert rows(store) == [("pending", None, 0), ("quarantined", "crashed: why", 1)]
    assert [s.id for s, _ in ledger.pending(store.database, "flights")] == [bad[0].id]


@pytest.mark.usefixtures("bad")
def test_drop_of_all_keeps_the_reasons(store: Store) -> None:
    done = drop(store.database, "flights", None, now=NOW)

    assert done == ("m1.csv", "m2.csv")
    assert rows(store) == [("dropped", "crashed: why", 1)] * 2


@pytest.mark.usefixtures("bad")
def test_audit_log_names_each(store: Store) -> None:
    retry(store.database, "flights", None, now=NOW)

    with store.database.read() as connection:
        kinds = list(connection.execute(select(audit.c.kind)).scalars())
    assert kinds[-2:] == ["retried", "retried"]


@pytest.mark.usefixtures("bad")
def test_wrong_name_changes_nothing(store: Store) -> None:
    with pytest.raises(NotFoundError, match=r"no quarantined snapshot 'm3\.csv'"):
        drop(store.database, "flights", ["m1.csv", "m3.csv"], now=NOW)

    assert rows(store) == [("quarantined", "crashed: why", 1)] * 2


@pytest.mark.usefixtures("bad")
@pytest.mark.parametrize("side", ["before", "after"])
def test_failure_leaves_all_or_nothing(store: Store, side: str, fail_at: FailAt) -> None:
    fail_at(f"quarantine.resolve.{side}")

    with pytest.raises(StoreError, match="fault point"):
        retry(store.database, "flights", None, now=NOW)

    state = "quarantined" if side == "before" else "pending"
    assert {row[0] for row in rows(store)} == {state}
