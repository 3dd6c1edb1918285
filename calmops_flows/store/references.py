"""Which artifacts the database refers to, and from where."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlalchemy import Column, ColumnElement, Connection, Table, select

from calmops_flows.records import VersionStatus
from calmops_flows.store import tables

if TYPE_CHECKING:
    from typing import Any

    from calmops_flows.store.artifacts import ArtifactStore
    from calmops_flows.store.store import Store

# Every column that holds a digest of an artifact. A test fails when one is missing.
COLUMNS: tuple[Column[Any], ...] = (
    tables.pipelines.c.reservoir,
    tables.snapshots.c.data_digest,
    tables.snapshots.c.profile_digest,
    tables.outcomes.c.stream_state,
    tables.drift_reports.c.reference_digest,
    tables.model_versions.c.artifact,
    tables.model_versions.c.manifest,
    tables.model_versions.c.judged_artifact,
    tables.model_versions.c.golden,
    tables.model_versions.c.profile_digest,
    tables.predictions.c.artifact,
    tables.reports.c.artifact,
    tables.row_keys.c.artifact,
)
# A removed version keeps its row and its manifest, but no model.
_OF_MODELS = frozenset(
    {
        tables.model_versions.c.artifact,
        tables.model_versions.c.judged_artifact,
        tables.model_versions.c.golden,
    }
)
# Digests that are no artifacts of ours: bytes of source files, hashes of the audit chain.
NOT_ARTIFACTS = frozenset({"snapshots.digest", "files.digest", "audit.hash", "audit.previous_hash"})


def of_pipeline(table: Table, name: str) -> ColumnElement[bool]:
    """Return the condition under which a row of this table belongs to a pipeline."""
    if table is tables.pipelines:
        return table.c.name == name
    if "pipeline" in table.c:
        return table.c.pipeline == name
    own = select(tables.snapshots.c.id).where(tables.snapshots.c.pipeline == name)
    return table.c.snapshot_id.in_(own)


def referenced(connection: Connection, pipeline: str | None = None) -> Iterator[tuple[str, str]]:
    """Yield each artifact that a row names, of one pipeline or of all, with the naming column."""
    for column in COLUMNS:
        where = f"{column.table.name}.{column.name}"
        query = select(column).where(column.is_not(None)).distinct()
        if pipeline is not None:
            query = query.where(of_pipeline(column.table, pipeline))
        if column in _OF_MODELS:
            query = query.where(tables.model_versions.c.status != VersionStatus.REMOVED)
        for digest in connection.execute(query).scalars():
            yield str(digest), where
    specs = select(tables.pipelines.c.spec)
    if pipeline is not None:
        specs = specs.where(tables.pipelines.c.name == pipeline)
    for text in connection.execute(specs).scalars():
        for digest in code_of(text):
            yield digest, "pipelines.spec.code"


def with_manifests(artifacts: ArtifactStore, named: dict[str, str]) -> set[str]:
    """Return the named artifacts, and those that the manifests among them name.

    Raises
    ------
    ArtifactError
        If a manifest cannot be read or was changed.
    """
    manifests = [digest for digest, where in named.items() if where == "model_versions.manifest"]
    found = set(named)
    for manifest in manifests:
        found.update(digest for digest, _ in of_manifest(artifacts, manifest))
    return found


def code_of(spec: str) -> tuple[str, ...]:
    """Return the artifacts with user code that a stored spec names; none if it is unreadable."""
    try:
        return tuple(json.loads(spec).get("code", {}).values())
    except (ValueError, AttributeError):
        return ()


def of_manifest(artifacts: ArtifactStore, manifest: str) -> Iterator[tuple[str, str]]:
    """Yield the artifacts that a version's manifest names: holdout, parts, memory.

    Raises
    ------
    ArtifactError
        If the manifest cannot be read or was changed.
    """
    yield from _digests(json.loads(artifacts.get(manifest)), "manifest")


def _digests(value: object, where: str) -> Iterator[tuple[str, str]]:
    """Yield every text of a document that looks like a sha256 under a key of its own."""
    if isinstance(value, dict):
        for key, part in value.items():
            if key != "snapshots":  # digests of source files
                yield from _digests(part, f"{where}.{key}")
    elif isinstance(value, list):
        for part in value:
            yield from _digests(part, where)
    elif isinstance(value, str) and len(value) == 64 and not set(value) - set("0123456789abcdef"):
        yield value, where


def everywhere(store: Store) -> set[str]:
    """Return every artifact that a row, or a manifest that a row names, refers to.

    Raises
    ------
    ArtifactError
        If a manifest cannot be read or was changed.
    """
    with store.database.read() as connection:
        named = dict(referenced(connection))
    return with_manifests(store.artifacts, named)
