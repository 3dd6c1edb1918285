"""Model versions and contracts, as the store has them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select

from calmops_flows.errors import NotFoundError
from calmops_flows.records import ModelVersion, VersionStatus
from calmops_flows.store.database import Database
from calmops_flows.store.encoding import from_utc_text, stored_json
from calmops_flows.store.tables import contracts, model_versions


def version(database: Database, pipeline: str, number: int) -> ModelVersion:
    """Return one version of a pipeline's model.

    Raises
    ------
    NotFoundError
        If there is no such version.
    """
    query = select(model_versions).where(
        model_versions.c.pipeline == pipeline, model_versions.c.version == number
    )
    with database.read() as connection:
        row = connection.execute(query).first()
    if row is None:
        raise NotFoundError(f"pipeline {pipeline!r} has no version {number}")
    return _to_version(row)


def versions(database: Database, pipeline: str) -> list[ModelVersion]:
    """Return all versions of a pipeline's model, oldest first."""
    query = (
        select(model_versions)
        .where(model_versions.c.pipeline == pipeline)
        .order_by(model_versions.c.version)
    )
    with database.read() as connection:
        return [_to_version(row) for row in connection.execute(query)]


def contract_text(database: Database, pipeline: str, number: int) -> str:
    """Return one version of a pipeline's contract as JSON text."""
    query = select(contracts.c.contract).where(
        contracts.c.pipeline == pipeline, contracts.c.version == number
    )
    with database.read() as connection:
        found = connection.execute(query).scalar()
    if found is None:
        raise NotFoundError(f"pipeline {pipeline!r} has no contract version {number}")
    return str(found)


def _to_version(row: Row[Any]) -> ModelVersion:
    return ModelVersion(
        pipeline=row.pipeline,
        version=row.version,
        status=VersionStatus(row.status),
        artifact=row.artifact,
        manifest=row.manifest,
        mode=row.mode,
        parent=row.parent,
        snapshot_id=row.snapshot_id,
        profile_digest=row.profile_digest,
        judged_artifact=row.judged_artifact,
        golden=row.golden,
        metrics=stored_json(row.metrics),
        fit_seconds=row.fit_seconds,
        created_at=from_utc_text(row.created_at),
    )
