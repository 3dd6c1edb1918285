"""What a store holds after a fault, without what may differ."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from calmops_flows.settings import Settings
from calmops_flows.steps.models import part_digests
from calmops_flows.store import Store, open_store, tables
from tests.store_dump import dump


def contents(home: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return the rows of a store, having read every artifact that they name."""
    with open_store(Settings(home=home)) as store:
        rows = dump(store.database)
        for digest in named_artifacts(store):
            for part in parts(store, digest):
                store.artifacts.get(part)
    return rows


def parts(store: Store, digest: str) -> list[str]:
    """Return the digests that an artifact names, when it is the index of a model's parts."""
    index = part_digests(store.artifacts.get(digest))
    return [index["shell"], *index["parts"].values()] if index else []


def named_artifacts(store: Store) -> set[str]:
    """Return the digests of all artifacts that the rows refer to."""
    columns = (
        tables.snapshots.c.data_digest,
        tables.snapshots.c.profile_digest,
        tables.model_versions.c.artifact,
        tables.model_versions.c.manifest,
        tables.model_versions.c.judged_artifact,
        tables.model_versions.c.golden,
        tables.model_versions.c.profile_digest,
        tables.drift_reports.c.reference_digest,
        tables.predictions.c.artifact,
    )
    with store.database.read() as connection:
        return {
            digest
            for column in columns
            for digest in connection.execute(select(column).where(column.is_not(None))).scalars()
        }
