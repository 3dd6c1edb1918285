"""What a pipeline is: spec, revisions, contract, versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from calmops_flows.read.blocks import blocks
from calmops_flows.read.names import require_pipeline
from calmops_flows.read.overview import label
from calmops_flows.read.stored import parsed
from calmops_flows.read.views import RevisionView, ShowView, VersionView
from calmops_flows.store.tables import (
    LEARNING,
    contracts,
    metrics,
    model_versions,
    pipelines,
    snapshots,
    spec_revisions,
)

if TYPE_CHECKING:
    from calmops_flows.store.store import Store


def show(store: Store, name: str) -> ShowView:
    """Return what a pipeline is.

    Raises
    ------
    NotFoundError
        If there is no pipeline of that name.
    StoreError
        If a row of it is damaged.
    """
    with store.database.read() as connection:
        require_pipeline(connection, name)
        row = connection.execute(select(pipelines).where(pipelines.c.name == name)).one()
        revisions = _revisions(connection, name)
        contract = connection.execute(
            select(contracts.c.contract).where(
                contracts.c.pipeline == name, contracts.c.version == row.contract_version
            )
        ).scalar()
        found = _versions(connection, name)
    return ShowView(
        name=name,
        kind=row.kind,
        spec_revision=row.spec_revision,
        created_at=row.created_at,
        spec=parsed(row.spec, f"the spec of pipeline {name!r}"),
        revisions=revisions,
        contract_version=row.contract_version,
        contract=None if contract is None else parsed(contract, "the contract"),
        versions=found,
        blocks=blocks(store, name),
    )


def versions(store: Store, name: str) -> tuple[VersionView, ...]:
    """Return the versions of a pipeline's model, oldest first.

    Raises
    ------
    NotFoundError
        If there is no pipeline of that name.
    StoreError
        If a row of them is damaged.
    """
    with store.database.read() as connection:
        require_pipeline(connection, name)
        return _versions(connection, name)


def _revisions(connection: Connection, name: str) -> tuple[RevisionView, ...]:
    query = (
        select(spec_revisions.c.spec_revision, spec_revisions.c.at)
        .where(spec_revisions.c.pipeline == name)
        .order_by(spec_revisions.c.spec_revision)
    )
    return tuple(RevisionView(row.spec_revision, row.at) for row in connection.execute(query))


def _details(connection: Connection, name: str) -> dict[int, dict[str, float | None]]:
    """Return the quantities of the fitted models, by snapshot."""
    query = (
        select(metrics.c.snapshot_id, metrics.c.metric, metrics.c.value)
        .join(snapshots, snapshots.c.id == metrics.c.snapshot_id)
        .where(snapshots.c.pipeline == name, metrics.c.scope == LEARNING)
        .order_by(metrics.c.metric)
    )
    found: dict[int, dict[str, float | None]] = {}
    for row in connection.execute(query):
        found.setdefault(row.snapshot_id, {})[row.metric] = row.value
    return found


def _versions(connection: Connection, name: str) -> tuple[VersionView, ...]:
    query = (
        select(model_versions, snapshots.c.path, snapshots.c.block)
        .join(snapshots, snapshots.c.id == model_versions.c.snapshot_id)
        .where(model_versions.c.pipeline == name)
        .order_by(model_versions.c.version)
    )
    details = _details(connection, name)
    return tuple(
        VersionView(
            version=row.version,
            status=row.status,
            mode=row.mode,
            parent=row.parent,
            snapshot=label(row.path, row.block),
            metrics=parsed(row.metrics, f"the row of version {row.version}"),
            fit_seconds=row.fit_seconds,
            artifact=row.artifact,
            created_at=row.created_at,
            details=details.get(row.snapshot_id, {}),
        )
        for row in connection.execute(query)
    )
