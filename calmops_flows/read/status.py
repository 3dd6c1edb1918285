"""The state of one pipeline, and what to do next."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, func, select, text

from calmops_flows.read.labels import coverage
from calmops_flows.read.names import require_pipeline
from calmops_flows.read.overview import label, overview, read_breaker
from calmops_flows.read.views import (
    BreakerView,
    Health,
    LeaseView,
    PipelineView,
    QuarantineView,
    StatusView,
)
from calmops_flows.records import SnapshotState
from calmops_flows.store.catch_up import owed_query
from calmops_flows.store.outbox import NOTIFICATION
from calmops_flows.store.tables import (
    leases,
    model_versions,
    outbox,
    outcomes,
    pipelines,
    snapshots,
)

if TYPE_CHECKING:
    from calmops_flows.store.database import Database
    from calmops_flows.store.store import Store

SHOWN = 10


def status(store: Store, name: str) -> StatusView:
    """Return the state of one pipeline.

    Raises
    ------
    NotFoundError
        If there is no pipeline of that name.
    """
    with store.database.read() as connection:
        require_pipeline(connection, name)
        (line,) = overview(store.database, connection, name=name)
        row = connection.execute(_facts_query(name)).one()
        lease = _lease(store.database, connection, name)
        set_aside = _quarantined(connection, name)
        labels = coverage(connection, name)
    circuit = read_breaker(row.breaker)
    return StatusView(
        pipeline=line,
        spec_revision=row.spec_revision,
        versions=row.versions,
        circuit=circuit,
        lease=lease,
        deferred=row.deferred,
        outbox_waiting=row.outbox_waiting,
        notifications_waiting=row.notifications_waiting,
        delivery_error=row.delivery_error,
        last_run_id=row.last_run_id,
        quarantined=set_aside,
        next_steps=_next_steps(line, circuit, set_aside, row.notifications_waiting),
        labels=labels,
    )


def _facts_query(name: str) -> Any:
    mine = model_versions.c.pipeline == name
    deferred = select(func.count()).select_from(owed_query(name).subquery())
    is_waiting = (outbox.c.pipeline == name) & outbox.c.delivered_at.is_(None)
    waiting = select(func.count()).where(is_waiting)
    people = select(func.count()).where(is_waiting, outbox.c.kind == NOTIFICATION)
    error = (
        select(outbox.c.last_error)
        .where(is_waiting, outbox.c.last_error.is_not(None))
        .order_by(outbox.c.position.desc())
        .limit(1)
    )
    run_id = (
        select(outcomes.c.run_id)
        .where(outcomes.c.pipeline == name)
        .order_by(outcomes.c.at.desc(), outcomes.c.snapshot_id.desc())
        .limit(1)
    )
    return select(
        pipelines.c.breaker,
        pipelines.c.spec_revision,
        select(func.count()).where(mine).scalar_subquery().label("versions"),
        deferred.scalar_subquery().label("deferred"),
        waiting.scalar_subquery().label("outbox_waiting"),
        people.scalar_subquery().label("notifications_waiting"),
        error.scalar_subquery().label("delivery_error"),
        run_id.scalar_subquery().label("last_run_id"),
    ).where(pipelines.c.name == name)


def _lease(database: Database, connection: Connection, name: str) -> LeaseView | None:
    query = select(leases, text(f"{database.clock()} AS clock")).where(
        leases.c.pipeline == name, leases.c.token.is_not(None)
    )
    row: Row[Any] | None = connection.execute(query).first()
    if row is None:
        return None
    expires_at = datetime.fromtimestamp(row.expires_at, UTC).isoformat(timespec="seconds")
    return LeaseView(row.owner, expires_at, is_held=row.expires_at > float(row.clock))


def quarantined(store: Store, name: str) -> tuple[QuarantineView, ...]:
    """Return all snapshots of a pipeline that are set aside, newest first.

    Raises
    ------
    NotFoundError
        If there is no pipeline of that name.
    """
    with store.database.read() as connection:
        require_pipeline(connection, name)
        return _quarantined(connection, name, limit=None)


def _quarantined(
    connection: Connection, name: str, *, limit: int | None = SHOWN
) -> tuple[QuarantineView, ...]:
    query = (
        select(snapshots.c.path, snapshots.c.block, snapshots.c.digest, snapshots.c.reason)
        .where(snapshots.c.pipeline == name, snapshots.c.state == SnapshotState.QUARANTINED)
        .order_by(snapshots.c.sequence.desc())
        .limit(limit)
    )
    return tuple(
        QuarantineView(label(row.path, row.block), row.digest, row.reason or "")
        for row in connection.execute(query)
    )


def _next_steps(
    line: PipelineView,
    circuit: BreakerView,
    set_aside: tuple[QuarantineView, ...],
    notifications_waiting: int,
) -> tuple[str, ...]:
    """Say in words what a person may do now."""
    steps: list[str] = []
    if line.is_running:
        steps.append("A run is at work; nothing to do.")
    elif line.counts[SnapshotState.PENDING]:
        steps.append(f"Process the pending snapshots: calmops run {line.name}")
    if circuit.state == "open":
        until = f" after {circuit.open_until}," if circuit.open_until else ""
        steps.append(
            f"Retraining pauses, and scoring goes on; it is tried again{until} or at once by "
            f"`calmops relaunch {line.name} --close-breaker`."
        )
    if set_aside:
        steps.append(
            "Repair the quarantined files at their source and run again, or see "
            f"`calmops quarantine {line.name}` to try the same files again or drop them."
        )
    if notifications_waiting:
        steps.append(
            f"{notifications_waiting} notifications wait: the next run under a configured Prefect "
            "server (PREFECT_API_URL) sends them."
        )
    if line.health == Health.NEW and not steps:
        steps.append(f"Put files into the source folder, then: calmops run {line.name}")
    if line.health == Health.AWAITING_LABELS:
        steps.append("The newest rows have no labels to learn from; deliver a labelled file.")
    if line.health == Health.DRIFT:
        steps.append(f"See what drifted and why nothing was replaced: calmops explain {line.name}")
    return tuple(steps) or ("Nothing to do; new files are processed by the next run.",)
