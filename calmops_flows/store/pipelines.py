"""Pipelines in the store: applied specs with revisions, and their present state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from calmops_flows.breaker import Breaker
from calmops_flows.errors import NameConflictError, NotFoundError
from calmops_flows.spec import PipelineSpec, dump_spec, parse_spec
from calmops_flows.store import audit, tables
from calmops_flows.store.database import Database
from calmops_flows.store.encoding import stored_json, utc_text
from calmops_flows.store.guard import lock_existing, lock_pipeline
from calmops_flows.store.lease import is_held
from calmops_flows.store.tables import leases, pipelines, spec_revisions


@dataclass(frozen=True, slots=True)
class PipelineState:
    """What a run starts from; ``revision`` fences its commit.

    ``reservoir`` is the artifact of the old rows that modes replay.
    """

    spec: PipelineSpec
    spec_revision: int
    revision: int
    champion: int | None
    contract_version: int | None
    breaker: Breaker
    reservoir: str | None = None


def apply_spec(database: Database, spec: PipelineSpec, *, now: datetime) -> int:
    """Store a spec and return its revision; the same spec again changes nothing.

    Raises
    ------
    NameConflictError
        If a pipeline of that name has another kind.
    """
    text, at = dump_spec(spec), utc_text(now)
    with database.write("pipeline.apply") as connection:
        row = lock_pipeline(connection, spec.name)
        if row is not None and row.spec == text:
            return int(row.spec_revision)
        if row is not None and row.kind != spec.kind:
            raise NameConflictError(
                f"pipeline {spec.name!r} is of kind {row.kind!r} and cannot become {spec.kind!r}; "
                "choose another name, or delete it first"
            )
        revision = 1 if row is None else int(row.spec_revision) + 1
        if row is None:
            _create(connection, spec, text, at)
        else:
            connection.execute(
                update(pipelines)
                .where(pipelines.c.name == spec.name)
                .values(spec=text, spec_revision=revision, revision=pipelines.c.revision + 1)
            )
        connection.execute(
            insert(spec_revisions).values(
                pipeline=spec.name, spec_revision=revision, spec=text, at=at
            )
        )
        payload = {"spec_revision": revision, "spec": stored_json(text)}
        audit.append(connection, spec.name, "applied", payload, at=at)
    return revision


def _create(connection: Connection, spec: PipelineSpec, text: str, at: str) -> None:
    connection.execute(
        insert(pipelines).values(
            name=spec.name,
            kind=spec.kind,
            spec=text,
            revision=1,
            spec_revision=1,
            breaker=Breaker.closed().to_json(),
            created_at=at,
        )
    )
    connection.execute(insert(leases).values(pipeline=spec.name, wake=0))


def load_state(database: Database, name: str) -> PipelineState:
    """Return spec and state of a pipeline.

    Raises
    ------
    NotFoundError
        If there is no pipeline of that name.
    """
    with database.read() as connection:
        row = connection.execute(select(pipelines).where(pipelines.c.name == name)).first()
    if row is None:
        raise NotFoundError(f"there is no pipeline {name!r}; `calmops list` shows those there are")
    return PipelineState(
        spec=parse_spec(stored_json(row.spec), where=f"the stored spec of {name!r}"),
        spec_revision=row.spec_revision,
        revision=row.revision,
        champion=row.champion,
        contract_version=row.contract_version,
        breaker=Breaker.from_json(row.breaker),
        reservoir=row.reservoir,
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """Which champion serves under which contract and spec; equal while nothing changed."""

    champion: int | None
    contract_version: int | None
    spec_revision: int


def standings(database: Database, names: Sequence[str]) -> dict[str, Standing]:
    """Return where pipelines stand, cheaply; those that are not there are left out."""
    columns = (
        pipelines.c.name,
        pipelines.c.champion,
        pipelines.c.contract_version,
        pipelines.c.spec_revision,
    )
    with database.read() as connection:
        rows = connection.execute(select(*columns).where(pipelines.c.name.in_(names))).all()
    return {
        row.name: Standing(row.champion, row.contract_version, row.spec_revision) for row in rows
    }


def pipeline_names(database: Database) -> list[str]:
    """Return the names of all pipelines, sorted."""
    with database.read() as connection:
        return list(
            connection.execute(select(pipelines.c.name).order_by(pipelines.c.name)).scalars()
        )


def delete_pipeline(database: Database, name: str, *, now: datetime) -> None:
    """Delete a pipeline with all its rows; its audit chain stays and says so.

    Artifacts stay until they are orphans of more than a day.

    Raises
    ------
    NotFoundError
        If there is no pipeline of that name.
    NameConflictError
        If a run holds it right now.
    """
    with database.write("pipeline.delete") as connection:
        lock_existing(connection, name)
        if is_held(database, connection, name):
            raise NameConflictError(f"a run holds pipeline {name!r} right now; wait until it ends")
        _delete_rows(connection, name)
        audit.append(connection, name, "deleted", {}, at=utc_text(now))


def _delete_rows(connection: Connection, name: str) -> None:
    ids = select(tables.snapshots.c.id).where(tables.snapshots.c.pipeline == name)
    for table in (
        tables.decisions,
        tables.metrics,
        tables.drift_results,
        tables.score_counts,
        tables.drift_reports,
        tables.predictions,
        tables.reports,
        tables.row_keys,
        tables.label_joins,
    ):
        connection.execute(delete(table).where(table.c.snapshot_id.in_(ids)))
    for table in (
        tables.outcomes,
        tables.model_versions,
        tables.contracts,
        tables.files,
        tables.outbox,
    ):
        connection.execute(delete(table).where(table.c.pipeline == name))
    connection.execute(
        update(tables.snapshots)
        .where(tables.snapshots.c.pipeline == name)
        .values(superseded_by=None, duplicate_of=None)
    )
    for table in (tables.snapshots, tables.spec_revisions, tables.leases):
        connection.execute(delete(table).where(table.c.pipeline == name))
    connection.execute(delete(pipelines).where(pipelines.c.name == name))
