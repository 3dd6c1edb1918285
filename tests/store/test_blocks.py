from __future__ import annotations

import pytest
from sqlalchemy import select

from calmops_flows.data.contract import Contract
from calmops_flows.errors import LeaseLostError, StaleRunError
from calmops_flows.records import SnapshotState
from calmops_flows.store import Store, ledger
from calmops_flows.store.blocks import FoundBlock, replace_by_blocks
from calmops_flows.store.history import history
from calmops_flows.store.lease import Lease
from calmops_flows.store.ledger import Arrival
from calmops_flows.store.pipelines import load_state
from calmops_flows.store.tables import files, snapshots
from tests.store.conftest import NOW

CONTRACT = Contract(()).to_json()


def arrive(store: Store, lease: Lease, path: str, content: str, stamp: int = 1) -> None:
    found = Arrival(path, content * 64, 10, f"stamp-{stamp}", stamp, order_value="k")
    ledger.register(
        store.database, lease.pipeline, lease.token, [found], process_duplicates=True, now=NOW
    )


def split(
    store: Store,
    lease: Lease,
    blocks: dict[str, str],
    *,
    contract: str | None = None,
    token: str | None = None,
    process_duplicates: bool = False,
) -> None:
    """Split the one file that is pending whole; each block's digest is one digit."""
    (file,) = [s for s, _ in ledger.pending(store.database, lease.pipeline) if s.block is None]
    found = [FoundBlock(block, digit * 64, "d" * 64) for block, digit in blocks.items()]
    replace_by_blocks(
        store.database,
        file,
        token or lease.token,
        found,
        contract=contract,
        process_duplicates=process_duplicates,
        now=NOW,
    )


def states(store: Store, lease: Lease) -> list[tuple[str, str, str]]:
    return [(o.snapshot, o.digest[0], o.state) for o in history(store.database, lease.pipeline)]


def test_blocks_take_the_place_of_their_file(store: Store, lease: Lease) -> None:
    arrive(store, lease, "a", "f")

    split(store, lease, {"1": "1", "2": "2"}, contract=CONTRACT)

    assert states(store, lease) == [("a#1", "1", "pending"), ("a#2", "2", "pending")]
    (first, order), _ = ledger.pending(store.database, lease.pipeline)
    assert (first.block, first.data_digest, order) == ("1", "d" * 64, "k")
    assert load_state(store.database, lease.pipeline).contract_version == 1


def test_appended_file_brings_only_its_new_blocks(store: Store, lease: Lease) -> None:
    arrive(store, lease, "a", "f")
    split(store, lease, {"1": "1", "2": "2"}, contract=CONTRACT)
    arrive(store, lease, "a", "e", stamp=2)

    split(store, lease, {"1": "1", "2": "2", "3": "3"})

    assert states(store, lease) == [
        ("a#1", "1", "pending"),
        ("a#2", "2", "pending"),
        ("a#3", "3", "pending"),
    ]
    assert ledger.known_files(store.database, lease.pipeline) == {"a": 2}


def test_rewritten_block_supersedes_its_old_content(store: Store, lease: Lease) -> None:
    arrive(store, lease, "a", "f")
    split(store, lease, {"1": "1", "2": "2"}, contract=CONTRACT)
    arrive(store, lease, "a", "e", stamp=2)

    split(store, lease, {"1": "1", "2": "3"})

    assert states(store, lease) == [
        ("a#1", "1", "pending"),
        ("a#2", "2", "superseded"),
        ("a#2", "3", "pending"),
    ]


def test_same_block_in_another_file_is_a_duplicate(store: Store, lease: Lease) -> None:
    arrive(store, lease, "a", "f")
    split(store, lease, {"1": "1"}, contract=CONTRACT)
    arrive(store, lease, "b", "f")

    split(store, lease, {"1": "1", "2": "2"})

    assert states(store, lease) == [
        ("a#1", "1", "pending"),
        ("b#1", "1", "duplicate"),
        ("b#2", "2", "pending"),
    ]


def test_duplicate_block_is_pending_when_the_source_processes_them(
    store: Store, lease: Lease
) -> None:
    arrive(store, lease, "a", "f")
    split(store, lease, {"1": "1"}, contract=CONTRACT)
    arrive(store, lease, "b", "f")

    split(store, lease, {"1": "1"}, process_duplicates=True)

    assert [state for *_, state in states(store, lease)] == ["pending", "pending"]


def test_twin_of_a_rewritten_pending_block_is_revived(store: Store, lease: Lease) -> None:
    arrive(store, lease, "a", "f")
    split(store, lease, {"1": "1"}, contract=CONTRACT)
    arrive(store, lease, "b", "f")
    split(store, lease, {"1": "1"})
    arrive(store, lease, "a", "e", stamp=2)

    split(store, lease, {"1": "2"})

    assert states(store, lease) == [
        ("a#1", "1", "superseded"),
        ("b#1", "1", "pending"),
        ("a#1", "2", "pending"),
    ]


def test_unread_file_that_was_rewritten_is_superseded_by_the_first_new_block(
    store: Store, lease: Lease
) -> None:
    arrive(store, lease, "a", "f")
    arrive(store, lease, "a", "e", stamp=2)

    split(store, lease, {"1": "1"}, contract=CONTRACT)

    assert states(store, lease) == [("a", "f", "superseded"), ("a#1", "1", "pending")]
    with store.database.read() as connection:
        heir = connection.execute(select(snapshots.c.id).where(snapshots.c.block == "1")).scalar()
        rows = connection.execute(select(snapshots.c.superseded_by)).scalars()
        assert set(rows) == {heir, None}
        assert connection.execute(select(files.c.snapshot_id)).scalar() == heir


def test_second_contract_is_refused_and_leaves_nothing(store: Store, lease: Lease) -> None:
    arrive(store, lease, "a", "f")
    split(store, lease, {"1": "1"}, contract=CONTRACT)
    arrive(store, lease, "b", "e")

    with pytest.raises(StaleRunError, match="got a contract"):
        split(store, lease, {"2": "2"}, contract=CONTRACT)

    assert states(store, lease)[1:] == [("b", "e", SnapshotState.PENDING)]


def test_lost_lease_leaves_nothing(store: Store, lease: Lease) -> None:
    arrive(store, lease, "a", "f")

    with pytest.raises(LeaseLostError):
        split(store, lease, {"1": "1"}, contract=CONTRACT, token="other")

    assert states(store, lease) == [("a", "f", "pending")]
