"""The ledger: which snapshots arrived, and where each of them stands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, Row, func, insert, select, update

from calmops_flows.records import Role, Snapshot, SnapshotState
from calmops_flows.store import audit, outbox
from calmops_flows.store.database import Database
from calmops_flows.store.encoding import from_utc_text, utc_text
from calmops_flows.store.guard import check_token
from calmops_flows.store.tables import files, snapshots

MAX_ATTEMPTS = 3
_OPEN_STATES = (SnapshotState.PENDING, SnapshotState.PROCESSED, SnapshotState.QUARANTINED)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A settled file with the digest of its bytes.

    ``order_value`` sorts it when the source is ordered by a column.
    """

    path: str
    digest: str
    size_bytes: int
    stamp: str
    stamp_key: int
    order_value: str | None = None
    role: Role = Role.DATA


def known_files(database: Database, pipeline: str) -> dict[str, int]:
    """Return the stamp key of every file the ledger has seen, by path."""
    query = select(files.c.path, files.c.stamp_key).where(files.c.pipeline == pipeline)
    with database.read() as connection:
        if database.is_sqlite:
            # The driver's own tuples: SQLAlchemy's rows take two seconds more for a million.
            return dict(cast("Iterable[tuple[str, int]]", connection.execute(query).cursor))
        rows = connection.execution_options(yield_per=10_000).execute(query)
        return {path: key for part in rows.partitions() for path, key in part}


def register(
    database: Database,
    pipeline: str,
    token: str,
    arrivals: Sequence[Arrival],
    *,
    process_duplicates: bool,
    now: datetime,
) -> None:
    """Enter the arrivals of one scan, in order, in one transaction.

    Raises
    ------
    LeaseLostError
        If the lease is no longer ours.
    """
    at = utc_text(now)
    with database.write("ledger.register") as connection:
        check_token(connection, pipeline, token)
        for arrival in arrivals:
            _enter(connection, pipeline, arrival, process_duplicates=process_duplicates, at=at)


def _enter(
    connection: Connection, pipeline: str, arrival: Arrival, *, process_duplicates: bool, at: str
) -> None:
    known = connection.execute(
        select(files).where(files.c.pipeline == pipeline, files.c.path == arrival.path)
    ).first()
    if known is not None and known.digest == arrival.digest:
        _revive_vanished(connection, known.snapshot_id)
        _remember(connection, pipeline, arrival, known.snapshot_id, known=True)
        return
    twin = (
        None if process_duplicates else original(connection, pipeline, arrival.digest, arrival.role)
    )
    new_id = add(connection, pipeline, arrival, twin, at)
    if known is not None and not _is_block(connection, known.snapshot_id):
        supersede(connection, known.snapshot_id, new_id)
    _remember(connection, pipeline, arrival, new_id, known=known is not None)


def _revive_vanished(connection: Connection, snapshot_id: int) -> None:
    """Give a file another turn that was gone when its turn came, and is back unchanged."""
    connection.execute(
        update(snapshots)
        .where(
            snapshots.c.id == snapshot_id,
            snapshots.c.state == SnapshotState.QUARANTINED,
            snapshots.c.reason.startswith("vanished"),
        )
        .values(state=SnapshotState.PENDING, reason=None, attempts=0)
    )


def _is_block(connection: Connection, snapshot_id: int) -> bool:
    """Tell whether a file was split already: then its blocks say what a rewriting replaces."""
    query = select(snapshots.c.block).where(snapshots.c.id == snapshot_id)
    return connection.execute(query).scalar() is not None


def original(
    connection: Connection, pipeline: str, digest: str, role: Role = Role.DATA
) -> int | None:
    """Return the snapshot that stands for these bytes, if one was or will be processed."""
    return connection.execute(
        select(snapshots.c.id)
        .where(
            snapshots.c.pipeline == pipeline,
            snapshots.c.digest == digest,
            snapshots.c.role == role,
            snapshots.c.state.in_(_OPEN_STATES),
        )
        .order_by(snapshots.c.sequence)
        .limit(1)
    ).scalar()


def add(
    connection: Connection,
    pipeline: str,
    arrival: Arrival,
    twin: int | None,
    at: str,
    **more: Any,
) -> int:
    """Enter a new snapshot, a duplicate if there is a twin; ``more`` are columns of a block."""
    mine = snapshots.c.pipeline == pipeline
    sequence = connection.execute(select(func.max(snapshots.c.sequence)).where(mine)).scalar() or 0
    copies = connection.execute(
        select(func.max(snapshots.c.copy)).where(mine, snapshots.c.digest == arrival.digest)
    ).scalar()
    state = SnapshotState.PENDING if twin is None else SnapshotState.DUPLICATE
    row = connection.execute(
        insert(snapshots)
        .values(
            pipeline=pipeline,
            sequence=sequence + 1,
            path=arrival.path,
            role=arrival.role,
            digest=arrival.digest,
            copy=0 if copies is None else copies + 1,
            state=state,
            reason=None if twin is None else "same bytes as an earlier snapshot",
            attempts=0,
            size_bytes=arrival.size_bytes,
            stamp=arrival.stamp,
            order_value=arrival.order_value,
            duplicate_of=twin,
            discovered_at=at,
            **more,
        )
        .returning(snapshots.c.id)
    )
    return int(row.scalar_one())


def supersede(connection: Connection, old: int, new: int) -> None:
    """Point an older content of a file to its successor; revive a twin that waited for it."""
    state = connection.execute(select(snapshots.c.state).where(snapshots.c.id == old)).scalar_one()
    values: dict[str, Any] = {"superseded_by": new}
    if state == SnapshotState.PENDING:
        values |= {"state": SnapshotState.SUPERSEDED, "reason": "rewritten before it was processed"}
    connection.execute(update(snapshots).where(snapshots.c.id == old).values(values))
    if state != SnapshotState.PENDING:
        return
    twin = connection.execute(
        select(snapshots.c.id)
        .where(snapshots.c.duplicate_of == old, snapshots.c.superseded_by.is_(None))
        .order_by(snapshots.c.sequence)
        .limit(1)
    ).scalar()
    if twin is None:
        return
    connection.execute(
        update(snapshots).where(snapshots.c.duplicate_of == old).values(duplicate_of=twin)
    )
    connection.execute(
        update(snapshots)
        .where(snapshots.c.id == twin)
        .values(state=SnapshotState.PENDING, reason=None, duplicate_of=None)
    )


def _remember(
    connection: Connection, pipeline: str, arrival: Arrival, snapshot_id: int, *, known: bool
) -> None:
    values = {
        "stamp_key": arrival.stamp_key,
        "digest": arrival.digest,
        "snapshot_id": snapshot_id,
    }
    if known:
        where = (files.c.pipeline == pipeline, files.c.path == arrival.path)
        connection.execute(update(files).where(*where).values(values))
    else:
        connection.execute(insert(files).values(pipeline=pipeline, path=arrival.path, **values))


def pending(database: Database, pipeline: str) -> list[tuple[Snapshot, str | None]]:
    """Return the pending snapshots in ledger order, each with its order value."""
    query = (
        select(snapshots)
        .where(snapshots.c.pipeline == pipeline, snapshots.c.state == SnapshotState.PENDING)
        .order_by(snapshots.c.sequence)
    )
    with database.read() as connection:
        return [(to_snapshot(row), row.order_value) for row in connection.execute(query)]


def begin_attempt(database: Database, snapshot: Snapshot, token: str) -> int | None:
    """Count an attempt before the work starts.

    Returns
    -------
    int or None
        Number of this attempt; None when all attempts are used up, so that the
        snapshot must be quarantined instead of tried again.
    """
    with database.write("ledger.attempt") as connection:
        check_token(connection, snapshot.pipeline, token)
        mine = snapshots.c.id == snapshot.id
        used = connection.execute(select(snapshots.c.attempts).where(mine)).scalar_one()
        if used >= MAX_ATTEMPTS:
            return None
        connection.execute(update(snapshots).where(mine).values(attempts=used + 1))
    return int(used) + 1


def return_attempt(database: Database, snapshot: Snapshot, token: str) -> None:
    """Take an attempt back that failed for reasons outside the snapshot.

    Raises
    ------
    LeaseLostError
        If another worker holds the pipeline: the attempts are its own now.
    """
    with database.write("ledger.return_attempt") as connection:
        check_token(connection, snapshot.pipeline, token)
        connection.execute(
            update(snapshots)
            .where(snapshots.c.id == snapshot.id, snapshots.c.attempts > 0)
            .values(attempts=snapshots.c.attempts - 1)
        )


def quarantine(
    database: Database, snapshot: Snapshot, token: str, reason: str, *, now: datetime
) -> None:
    """Set a snapshot aside with its reason, and tell so."""
    at = utc_text(now)
    payload = {"snapshot": snapshot.label, "digest": snapshot.digest, "reason": reason}
    with database.write("ledger.quarantine") as connection:
        check_token(connection, snapshot.pipeline, token)
        connection.execute(
            update(snapshots)
            .where(snapshots.c.id == snapshot.id)
            .values(state=SnapshotState.QUARANTINED, reason=reason)
        )
        audit.append(connection, snapshot.pipeline, "quarantined", payload, at=at)
        key = f"{snapshot.sequence}/{snapshot.digest}"
        outbox.enqueue(
            connection,
            snapshot.pipeline,
            "calmops.snapshot.quarantined",
            payload,
            key=key,
            at=at,
        )


def to_snapshot(row: Row[Any]) -> Snapshot:
    """Make the record of a row of ``snapshots``."""
    return Snapshot(
        id=row.id,
        pipeline=row.pipeline,
        sequence=row.sequence,
        path=row.path,
        digest=row.digest,
        state=SnapshotState(row.state),
        size_bytes=row.size_bytes,
        stamp=row.stamp,
        attempts=row.attempts,
        reason=row.reason,
        block=row.block,
        rows=row.rows,
        data_digest=row.data_digest,
        profile_digest=row.profile_digest,
        superseded_by=row.superseded_by,
        duplicate_of=row.duplicate_of,
        discovered_at=from_utc_text(row.discovered_at),
        role=Role(row.role),
    )
