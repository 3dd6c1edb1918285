"""Where each block of a pipeline stands, by its newest decided content."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from calmops_flows.data.source import natural_key
from calmops_flows.read.labels import labels_of
from calmops_flows.read.names import require_pipeline
from calmops_flows.read.overview import label
from calmops_flows.read.views import BlockView
from calmops_flows.records import Role
from calmops_flows.store.tables import label_joins, metrics, model_versions, outcomes, snapshots

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from calmops_flows.read.views import LabelsView
    from calmops_flows.store.store import Store


def blocks(store: Store, name: str) -> tuple[BlockView, ...]:
    """Return one line per block that was decided, in natural order.

    Returns
    -------
    tuple of BlockView
        Empty for a pipeline whose files are not split.

    Raises
    ------
    NotFoundError
        If there is no pipeline of that name.
    """
    with store.database.read() as connection:
        require_pipeline(connection, name)
        query = (
            select(
                snapshots.c.id,
                snapshots.c.path,
                snapshots.c.block,
                outcomes.c.decision,
                outcomes.c.is_drift,
                outcomes.c.rows,
                outcomes.c.at,
            )
            .join(outcomes, outcomes.c.snapshot_id == snapshots.c.id)
            .where(snapshots.c.pipeline == name, snapshots.c.block.is_not(None))
            .order_by(outcomes.c.at, snapshots.c.sequence)
        )
        rows = {row.block: row for row in connection.execute(query)}
        counts = _counts(connection, name)
        versions = _versions(connection, name)
        scores = _scores(connection, name, {row.id for row in rows.values()})
        labels = _labels(connection, name)
    return tuple(
        BlockView(
            block=block,
            contents=counts[block],
            snapshot=label(rows[block].path, block),
            rows=rows[block].rows,
            decision=rows[block].decision,
            is_drift=rows[block].is_drift,
            version=versions.get(block),
            metrics=scores.get(rows[block].id, {}),
            at=rows[block].at,
            labels=labels.get(block),
        )
        for block in sorted(rows, key=natural_key)
    )


def _counts(connection: Connection, name: str) -> dict[str, int]:
    query = (
        select(snapshots.c.block, func.count().label("n"))
        .join(outcomes, outcomes.c.snapshot_id == snapshots.c.id)
        .where(
            snapshots.c.pipeline == name,
            snapshots.c.block.is_not(None),
            snapshots.c.role == Role.DATA,
        )
        .group_by(snapshots.c.block)
    )
    return {row.block: row.n for row in connection.execute(query)}


def _labels(connection: Connection, name: str) -> dict[str, LabelsView]:
    """Return what label files brought to the newest content of each block."""
    query = (
        select(snapshots.c.block, snapshots.c.id)
        .join(outcomes, outcomes.c.snapshot_id == snapshots.c.id)
        .join(label_joins, label_joins.c.snapshot_id == snapshots.c.id)
        .where(
            snapshots.c.pipeline == name,
            snapshots.c.block.is_not(None),
            snapshots.c.superseded_by.is_(None),
        )
        .order_by(outcomes.c.at, snapshots.c.sequence)
    )
    newest = {row.block: row.id for row in connection.execute(query)}
    found = {block: labels_of(connection, snapshot_id) for block, snapshot_id in newest.items()}
    return {block: labels for block, labels in found.items() if labels is not None}


def _versions(connection: Connection, name: str) -> dict[str, int]:
    """Return the newest version that took over with each block."""
    query = (
        select(snapshots.c.block, func.max(model_versions.c.version).label("version"))
        .join(snapshots, snapshots.c.id == model_versions.c.snapshot_id)
        .where(
            model_versions.c.pipeline == name,
            model_versions.c.status != "candidate",
            snapshots.c.block.is_not(None),
        )
        .group_by(snapshots.c.block)
    )
    return {row.block: row.version for row in connection.execute(query)}


def _scores(connection: Connection, name: str, ids: set[int]) -> dict[int, dict[str, float | None]]:
    """Return what the champion scored on each snapshot before anything learnt from it."""
    query = (
        select(metrics.c.snapshot_id, metrics.c.metric, metrics.c.value)
        .join(snapshots, snapshots.c.id == metrics.c.snapshot_id)
        .where(
            snapshots.c.pipeline == name,
            snapshots.c.block.is_not(None),
            metrics.c.role == "champion",
            metrics.c.scope == "snapshot",
        )
        .order_by(metrics.c.metric)
    )
    found: dict[int, dict[str, float | None]] = {}
    for row in connection.execute(query):
        if row.snapshot_id in ids:
            found.setdefault(row.snapshot_id, {})[row.metric] = row.value
    return found
