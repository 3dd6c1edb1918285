"""What a person decides about snapshots that were set aside: try again, or drop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, select, text, update

from calmops_flows.errors import NotFoundError
from calmops_flows.records import Snapshot, SnapshotState
from calmops_flows.store import audit
from calmops_flows.store.encoding import utc_text
from calmops_flows.store.guard import lock_existing
from calmops_flows.store.ledger import to_snapshot
from calmops_flows.store.tables import snapshots

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from calmops_flows.store.database import Database


def retry(
    database: Database, pipeline: str, labels: Collection[str] | None, *, now: datetime
) -> tuple[str, ...]:
    """Make quarantined snapshots pending again, with all their attempts.

    Parameters
    ----------
    database : Database
        The store's database.
    pipeline : str
        Name of the pipeline.
    labels : collection of str or None
        Labels, or first digits of digests; None: all that are quarantined.
    now : datetime
        Time-zone aware time, for the audit log.

    Returns
    -------
    tuple of str
        Labels of the snapshots that are pending now.

    Raises
    ------
    NotFoundError
        If there is no such pipeline, or a label names no quarantined snapshot.
    """
    values = {"state": SnapshotState.PENDING, "reason": None, "attempts": 0}
    return _resolve(database, pipeline, labels, "retried", values, now=now)


def set_aside(database: Database, pipeline: str, label: str) -> Snapshot:
    """Return the quarantined snapshot of a label, or of the first digits of its digest.

    Raises
    ------
    NotFoundError
        If there is no such pipeline or quarantined snapshot.
    """
    with database.read() as connection:
        lock_existing(connection, pipeline)
        return to_snapshot(_choose(connection, pipeline, [label])[0])


def drop(
    database: Database, pipeline: str, labels: Collection[str] | None, *, now: datetime
) -> tuple[str, ...]:
    """Give quarantined snapshots up; the ledger keeps them, with the reason.

    Parameters and errors are those of `retry`.
    """
    values = {"state": SnapshotState.DROPPED}
    return _resolve(database, pipeline, labels, "dropped", values, now=now)


def _resolve(
    database: Database,
    pipeline: str,
    labels: Collection[str] | None,
    kind: str,
    values: Mapping[str, Any],
    *,
    now: datetime,
) -> tuple[str, ...]:
    with database.write("quarantine.resolve") as connection:
        lock_existing(connection, pipeline)
        chosen = _choose(connection, pipeline, labels)
        for row in chosen:
            connection.execute(
                update(snapshots).where(snapshots.c.id == row.id).values(dict(values))
            )
            payload = {"snapshot": _label(row), "digest": row.digest, "reason": row.reason}
            audit.append(connection, pipeline, kind, payload, at=utc_text(now))
        connection.execute(  # a run that is at work now looks once more
            text("UPDATE leases SET wake = wake + 1 WHERE pipeline = :p"), {"p": pipeline}
        )
    return tuple(map(_label, chosen))


def _choose(
    connection: Connection, pipeline: str, labels: Collection[str] | None
) -> list[Row[Any]]:
    rows = connection.execute(
        select(snapshots)
        .where(snapshots.c.pipeline == pipeline, snapshots.c.state == SnapshotState.QUARANTINED)
        .order_by(snapshots.c.sequence)
    ).all()
    if labels is None:
        return list(rows)
    chosen: list[Row[Any]] = []
    for wanted in labels:
        found = [row for row in rows if _label(row) == wanted or _names(wanted, row.digest)]
        if not found:
            raise NotFoundError(
                f"pipeline {pipeline!r} has no quarantined snapshot {wanted!r}; "
                f"`calmops quarantine {pipeline}` lists them"
            )
        chosen.extend(row for row in found if row not in chosen)
    return chosen


def _names(wanted: str, digest: str) -> bool:
    return len(wanted) >= 6 and digest.startswith(wanted)


def _label(row: Row[Any]) -> str:
    return str(row.path) if row.block is None else f"{row.path}#{row.block}"
