from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from calmops_flows.errors import LeaseLostError
from calmops_flows.records import SnapshotState
from calmops_flows.store import Store, ledger
from calmops_flows.store.history import history
from calmops_flows.store.lease import Lease, acquire
from calmops_flows.store.ledger import Arrival
from tests.store.conftest import NOW

PENDING, DUPLICATE, SUPERSEDED = (
    SnapshotState.PENDING,
    SnapshotState.DUPLICATE,
    SnapshotState.SUPERSEDED,
)


def arrival(path: str, content: str, stamp: int = 1) -> Arrival:
    return Arrival(path, content * 64, 10, f"stamp-{stamp}", stamp)


def register(
    store: Store, lease: Lease, *arrivals: Arrival, process_duplicates: bool = False
) -> None:
    ledger.register(
        store.database,
        lease.pipeline,
        lease.token,
        arrivals,
        process_duplicates=process_duplicates,
        now=NOW,
    )


def states(store: Store, lease: Lease) -> list[tuple[str, str, str]]:
    return [(o.snapshot, o.digest[0], o.state) for o in history(store.database, lease.pipeline)]


def test_arrivals_become_pending_in_the_order_given(store: Store, lease: Lease) -> None:
    register(store, lease, arrival("b", "1"), arrival("a", "2"))

    assert states(store, lease) == [("b", "1", PENDING), ("a", "2", PENDING)]


def test_every_registered_file_is_known_by_its_stamp(store: Store, lease: Lease) -> None:
    register(store, lease, *(arrival(f"file {n}", "1", stamp=n) for n in range(5)))

    known = ledger.known_files(store.database, lease.pipeline)

    assert known == {f"file {n}": n for n in range(5)}


def test_same_bytes_under_another_name_are_a_duplicate(store: Store, lease: Lease) -> None:
    register(store, lease, arrival("a", "1"))

    register(store, lease, arrival("copy of a", "1"))

    assert states(store, lease) == [("a", "1", PENDING), ("copy of a", "1", DUPLICATE)]


def test_duplicates_are_pending_when_the_source_processes_them(store: Store, lease: Lease) -> None:
    register(store, lease, arrival("a", "1"), arrival("b", "1"), process_duplicates=True)

    assert [state for *_, state in states(store, lease)] == [PENDING, PENDING]


def test_new_stamp_on_same_bytes_changes_only_the_known_files(store: Store, lease: Lease) -> None:
    register(store, lease, arrival("a", "1", stamp=1))

    register(store, lease, arrival("a", "1", stamp=2))

    assert states(store, lease) == [("a", "1", PENDING)]
    assert ledger.known_files(store.database, lease.pipeline) == {"a": 2}


def test_rewritten_pending_file_supersedes_its_old_content(store: Store, lease: Lease) -> None:
    register(store, lease, arrival("a", "1", stamp=1))

    register(store, lease, arrival("a", "2", stamp=2))

    assert states(store, lease) == [("a", "1", SUPERSEDED), ("a", "2", PENDING)]


def test_superseding_revives_the_twin_that_waited_for_it(store: Store, lease: Lease) -> None:
    register(store, lease, arrival("a", "1", stamp=1), arrival("twin", "1"))

    register(store, lease, arrival("a", "2", stamp=2))

    assert states(store, lease) == [
        ("a", "1", SUPERSEDED),
        ("twin", "1", PENDING),
        ("a", "2", PENDING),
    ]


def test_content_that_returns_after_it_was_superseded_is_pending_again(
    store: Store, lease: Lease
) -> None:
    for stamp, content in enumerate(["1", "2", "1"]):
        register(store, lease, arrival("a", content, stamp))

    assert [state for *_, state in states(store, lease)] == [SUPERSEDED, SUPERSEDED, PENDING]


def test_quarantined_snapshot_keeps_its_reason_and_tells(store: Store, lease: Lease) -> None:
    register(store, lease, arrival("a", "1"))
    ((snapshot, _),) = ledger.pending(store.database, lease.pipeline)

    ledger.quarantine(store.database, snapshot, lease.token, "csv_cut: line 3", now=NOW)

    (outcome,) = history(store.database, lease.pipeline)
    assert (outcome.state, outcome.reason) == ("quarantined", "csv_cut: line 3")


def test_file_that_vanished_and_returns_is_pending_again(store: Store, lease: Lease) -> None:
    register(store, lease, arrival("a", "1", stamp=1))
    ((snapshot, _),) = ledger.pending(store.database, lease.pipeline)
    ledger.quarantine(store.database, snapshot, lease.token, "vanished: gone", now=NOW)

    register(store, lease, arrival("a", "1", stamp=2))

    assert states(store, lease) == [("a", "1", PENDING)]


def test_fourth_attempt_is_refused(store: Store, lease: Lease) -> None:
    register(store, lease, arrival("a", "1"))
    ((snapshot, _),) = ledger.pending(store.database, lease.pipeline)

    attempts = [ledger.begin_attempt(store.database, snapshot, lease.token) for _ in range(4)]

    assert attempts == [1, 2, 3, None]


def test_attempt_that_was_given_back_does_not_count(store: Store, lease: Lease) -> None:
    register(store, lease, arrival("a", "1"))
    ((snapshot, _),) = ledger.pending(store.database, lease.pipeline)
    ledger.begin_attempt(store.database, snapshot, lease.token)

    ledger.return_attempt(store.database, snapshot, lease.token)

    assert ledger.begin_attempt(store.database, snapshot, lease.token) == 1


def test_attempt_of_the_next_holder_is_not_given_back_by_the_one_before(
    store: Store, lease: Lease
) -> None:
    register(store, lease, arrival("a", "1"))
    ((snapshot, _),) = ledger.pending(store.database, lease.pipeline)
    ledger.begin_attempt(store.database, snapshot, lease.token)
    expire(store)
    taken = acquire(store.database, lease.pipeline, seconds=30)
    assert taken is not None
    ledger.begin_attempt(store.database, snapshot, taken.token)

    with pytest.raises(LeaseLostError, match="another worker"):
        ledger.return_attempt(store.database, snapshot, lease.token)

    assert ledger.begin_attempt(store.database, snapshot, taken.token) == 3


def expire(store: Store) -> None:
    with store.database.write("lease.heartbeat") as connection:
        connection.execute(text("UPDATE leases SET expires_at = 1"))


def test_wrong_token_writes_nothing(store: Store, lease: Lease) -> None:
    with pytest.raises(LeaseLostError, match="another worker"):
        ledger.register(
            store.database,
            lease.pipeline,
            "stale",
            [arrival("a", "1")],
            process_duplicates=False,
            now=NOW,
        )

    assert states(store, lease) == []


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    writes=st.lists(
        st.tuples(st.sampled_from(["p", "q", "r"]), st.sampled_from("123")), max_size=12
    )
)
def test_whatever_is_written_where_each_content_still_there_stands_once(
    store: Store, lease: Lease, writes: list[tuple[str, str]]
) -> None:
    """However files are rewritten, every content that a file holds now is pending exactly once."""
    from sqlalchemy import delete

    from calmops_flows.store.tables import files, snapshots

    with store.database.engine.begin() as connection:
        connection.execute(delete(files))
        connection.execute(snapshots.update().values(superseded_by=None, duplicate_of=None))
        connection.execute(delete(snapshots))

    for stamp, (path, content) in enumerate(writes):
        register(store, lease, arrival(path, content, stamp))

    present = set(dict(writes).values())
    pending = [s.digest[0] for s, _ in ledger.pending(store.database, lease.pipeline)]
    assert sorted(pending) == sorted(present)
