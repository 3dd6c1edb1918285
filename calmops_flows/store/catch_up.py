"""Snapshots whose retraining the breaker put off: which are owed, and their turn in the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Select, exists, func, select

from calmops_flows.data.arrivals import CATCH_UP
from calmops_flows.records import DecisionKind, Role, Snapshot, SnapshotState
from calmops_flows.store import ledger
from calmops_flows.store.encoding import utc_text
from calmops_flows.store.guard import check_token
from calmops_flows.store.tables import outcomes, snapshots

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from calmops_flows.store.database import Database

FAILED = "retrain_failed"  # begins the reason of an attempt that fitted nothing

_later = snapshots.alias("later")
_decided = outcomes.alias("decided")


def owed_query(pipeline: str) -> Select[Any]:
    """Select the deferred snapshots that no later catch-up has made good, oldest first.

    A catch-up makes good all that were deferred before it: for pipelines of blocks, those of
    its block. One whose fits failed makes nothing good.
    """
    same_block = func.coalesce(_later.c.block, "") == func.coalesce(snapshots.c.block, "")
    made_good = (
        exists()
        .select_from(_later.join(_decided, _decided.c.snapshot_id == _later.c.id))
        .where(
            _later.c.pipeline == pipeline,
            _later.c.role == Role.CATCH_UP,
            _later.c.sequence > snapshots.c.sequence,
            same_block,
            _decided.c.decision != DecisionKind.DEFERRED,
            ~_decided.c.reason.startswith(FAILED),
        )
    )
    return (
        select(snapshots)
        .join(outcomes, outcomes.c.snapshot_id == snapshots.c.id)
        .where(
            snapshots.c.pipeline == pipeline,
            snapshots.c.role != Role.CATCH_UP,
            snapshots.c.superseded_by.is_(None),
            outcomes.c.decision == DecisionKind.DEFERRED,
            ~made_good,
        )
        .order_by(snapshots.c.sequence)
    )


def owed(database: Database, pipeline: str) -> list[Snapshot]:
    """Return the deferred snapshots that no catch-up has made good yet, oldest first."""
    with database.read() as connection:
        return [ledger.to_snapshot(row) for row in connection.execute(owed_query(pipeline))]


def entered(database: Database, pipeline: str) -> dict[str, str]:
    """Return the states of catch-ups that wait for their turn or were set aside, by digest."""
    states = (SnapshotState.PENDING, SnapshotState.QUARANTINED)
    query = select(snapshots.c.digest, snapshots.c.state).where(
        snapshots.c.pipeline == pipeline,
        snapshots.c.role == Role.CATCH_UP,
        snapshots.c.state.in_(states),
    )
    with database.read() as connection:
        return {row.digest: row.state for row in connection.execute(query)}


def made_good_by(pipeline: str, snapshot: Any) -> Select[Any]:
    """Select the first catch-up that made a deferred snapshot (its row) good."""
    return (
        select(snapshots.c.path, snapshots.c.block)
        .join(outcomes, outcomes.c.snapshot_id == snapshots.c.id)
        .where(
            snapshots.c.pipeline == pipeline,
            snapshots.c.role == Role.CATCH_UP,
            snapshots.c.sequence > snapshot.sequence,
            func.coalesce(snapshots.c.block, "") == (snapshot.block or ""),
            outcomes.c.decision != DecisionKind.DEFERRED,
            ~outcomes.c.reason.startswith(FAILED),
        )
        .order_by(snapshots.c.sequence)
        .limit(1)
    )


def enter(database: Database, deferred: Snapshot, token: str, *, now: datetime) -> Snapshot:
    """Give the rows of a deferred snapshot another turn, under a name of its own.

    Raises
    ------
    LeaseLostError
        If the lease is no longer ours.
    """
    turn = ledger.Arrival(
        path=f"{CATCH_UP}{deferred.path}",
        digest=deferred.digest,
        size_bytes=deferred.size_bytes,
        stamp=deferred.stamp,
        stamp_key=0,
        role=Role.CATCH_UP,
    )
    rows = {"block": deferred.block, "data_digest": deferred.data_digest}
    with database.write("ledger.catch_up") as connection:
        check_token(connection, deferred.pipeline, token)
        new = ledger.add(connection, deferred.pipeline, turn, None, utc_text(now), **rows)
        row = connection.execute(select(snapshots).where(snapshots.c.id == new)).one()
    return ledger.to_snapshot(row)
