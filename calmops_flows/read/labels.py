"""How far labels that come later have come, and where predictions lie."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, or_, select

from calmops_flows.read.views import CoverageView, LabelsView, PredictionsView
from calmops_flows.records import DecisionKind, Role
from calmops_flows.store.encoding import stored_json
from calmops_flows.store.tables import (
    ESTIMATED,
    REALISED,
    label_joins,
    metrics,
    outbox,
    outcomes,
    predictions,
    row_keys,
    snapshots,
)

_EXPORT = "calmops.predictions.export"
_WAITING = (DecisionKind.AWAITING_LABELS, DecisionKind.PREDICTED)


def coverage(connection: Connection, name: str) -> CoverageView | None:
    """Count the rows that wait, or waited, for labels; None where there are no keys."""
    files = connection.execute(
        select(snapshots.c.role, func.count())
        .join(row_keys, row_keys.c.snapshot_id == snapshots.c.id)
        .where(snapshots.c.pipeline == name)
        .group_by(snapshots.c.role)
    ).all()
    if not files:
        return None
    last = select(
        label_joins.c.snapshot_id, func.max(label_joins.c.position).label("position")
    ).group_by(label_joins.c.snapshot_id)
    newest = last.subquery()
    query = (
        select(
            func.coalesce(func.sum(outcomes.c.rows), 0),
            func.coalesce(func.sum(label_joins.c.labelled), 0),
            func.coalesce(func.sum(label_joins.c.contradictions), 0),
        )
        .select_from(outcomes)
        .join(snapshots, snapshots.c.id == outcomes.c.snapshot_id)
        .join(row_keys, row_keys.c.snapshot_id == outcomes.c.snapshot_id)
        .outerjoin(newest, newest.c.snapshot_id == outcomes.c.snapshot_id)
        .outerjoin(
            label_joins,
            (label_joins.c.snapshot_id == newest.c.snapshot_id)
            & (label_joins.c.position == newest.c.position),
        )
        .where(
            outcomes.c.pipeline == name,
            snapshots.c.role == Role.DATA,
            or_(outcomes.c.decision.in_(_WAITING), newest.c.position.is_not(None)),
        )
    )
    rows, labelled, contradictions = connection.execute(query).one()
    n_files = {row[0]: row[1] for row in files}.get(Role.LABELS, 0)
    return CoverageView(int(rows), int(labelled), int(contradictions), n_files)


def labels_of(connection: Connection, snapshot_id: int) -> LabelsView | None:
    """Return what label files brought to one snapshot; None if none did."""
    query = (
        select(label_joins, snapshots.c.path)
        .join(snapshots, snapshots.c.id == label_joins.c.label_id)
        .where(label_joins.c.snapshot_id == snapshot_id)
        .order_by(label_joins.c.position)
    )
    joins = connection.execute(query).all()
    if not joins:
        return None
    rows = connection.execute(
        select(outcomes.c.rows).where(outcomes.c.snapshot_id == snapshot_id)
    ).scalar()
    last = joins[-1]
    return LabelsView(
        rows=rows or 0,
        labelled=last.labelled,
        contradictions=last.contradictions,
        files=tuple(join.path for join in joins),
        realised=_scores(connection, snapshot_id, REALISED),
        estimated=_scores(connection, snapshot_id, ESTIMATED),
    )


def predictions_of(connection: Connection, name: str, row: Any) -> PredictionsView | None:
    """Return where the predictions for a snapshot lie; None if there are none."""
    found = connection.execute(
        select(predictions).where(predictions.c.snapshot_id == row.id)
    ).first()
    if found is None:
        return None
    query = select(outbox.c.payload, outbox.c.delivered_at).where(
        outbox.c.pipeline == name, outbox.c.kind == _EXPORT
    )
    written, is_written = None, False
    for payload, delivered_at in connection.execute(query):
        order = stored_json(payload)
        if (order["digest"], order["predictions"]) == (row.digest, found.artifact):
            written = f"{order['path'].rstrip('/')}/{order['name']}"
            is_written = delivered_at is not None
    return PredictionsView(found.version, found.rows, found.artifact, written, is_written)


def _scores(connection: Connection, snapshot_id: int, scope: str) -> dict[str, float | None]:
    query = (
        select(metrics.c.metric, metrics.c.value)
        .where(metrics.c.snapshot_id == snapshot_id, metrics.c.scope == scope)
        .order_by(metrics.c.metric)
    )
    return {row.metric: row.value for row in connection.execute(query)}
