"""One pipeline as one file: its rows and artifacts, out and in."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Select, Table, insert, select

from calmops_flows.errors import NameConflictError, SpecError
from calmops_flows.faults import durable
from calmops_flows.store import audit, tables
from calmops_flows.store.database import HEAD
from calmops_flows.store.encoding import canonical_json, utc_text
from calmops_flows.store.guard import lock_existing, lock_pipeline
from calmops_flows.store.references import of_pipeline, referenced, with_manifests

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from calmops_flows.store.store import Store

FORMAT = 1
ROWS = "calmops.json"
MAX_ROWS_BYTES = 2**30
MAX_ARTIFACT_BYTES = 64 * 2**30
_ARTIFACT = re.compile(r"^artifacts/[0-9a-f]{64}$")
_LEFT_OUT = frozenset({"leases"})  # who works on it here is nobody's business elsewhere


@dataclass(frozen=True, slots=True)
class ArchiveView:
    """What an archive says about itself."""

    pipeline: str
    kind: str
    source: str
    snapshots: int
    versions: int
    artifacts: int
    size_bytes: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, ready for JSON."""
        return asdict(self)


def export(store: Store, name: str, file: Path) -> ArchiveView:
    """Write a pipeline with its whole history into one zip file.

    Parameters
    ----------
    store : Store
        The store; a run may go on meanwhile.
    name : str
        Name of the pipeline.
    file : Path
        New file; it appears when it is whole.

    Raises
    ------
    NotFoundError
        If there is no such pipeline.
    NameConflictError
        If the file exists.
    ArtifactError
        If an artifact is gone or was changed.
    """
    if file.exists():
        raise NameConflictError(f"{str(file)!r} exists; choose another name")
    with store.database.snapshot() as connection:
        rows = _rows(connection, name)
        named = dict(referenced(connection, name))
    if not rows["pipelines"]:
        with store.database.read() as connection:
            lock_existing(connection, name)
    partial = file.with_name(f"{file.name}.partial")
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
            text = canonical_json({"format": FORMAT, "schema": HEAD, "rows": rows})
            archive.writestr(ROWS, text)
            for digest in sorted(with_manifests(store.artifacts, named)):
                archive.writestr(f"artifacts/{digest}", store.artifacts.get(digest))
        with durable("archive.rename"):
            partial.replace(file)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return inspect_archive(file)


def inspect_archive(file: Path) -> ArchiveView:
    """Read what an archive holds, without importing anything.

    Raises
    ------
    SpecError
        If the file is no archive of ours, of another format or schema, or holds a name that
        has no place in one.
    """
    with _opened(file) as (archive, rows):
        pipeline = rows["pipelines"][0]
        sizes = [info.file_size for info in archive.infolist() if _ARTIFACT.match(info.filename)]
        return ArchiveView(
            pipeline=str(pipeline["name"]),
            kind=str(pipeline["kind"]),
            source=str(json.loads(pipeline["spec"])["source"]["path"]),
            snapshots=len(rows["snapshots"]),
            versions=len(rows["model_versions"]),
            artifacts=len(sizes),
            size_bytes=sum(sizes),
        )


def take_in(store: Store, file: Path, *, now: datetime) -> ArchiveView:
    """Import a pipeline: artifacts first, each checked against its name, then all rows at once.

    Messages that were not delivered there are not delivered here: they were told of another
    store. The audit chain goes on with an entry about the import.

    Raises
    ------
    NameConflictError
        If a pipeline of that name is there, or was (its audit chain is).
    SpecError
        If the archive is damaged: wrong format, bytes that do not hash to their name, an
        artifact or a link of the audit chain that is missing.
    """
    with _opened(file) as (archive, rows):
        name = str(rows["pipelines"][0]["name"])
        refuse_known(store, name)
        _take_artifacts(store, archive)
        at = utc_text(now)
        with store.database.write("archive.import") as connection:
            if lock_pipeline(connection, name) is not None:
                raise NameConflictError(f"there is a pipeline {name!r} already")
            _insert(connection, rows, at)
            broken = audit.first_broken(connection, name)
            if broken is not None:
                raise SpecError(f"the archive's audit chain is broken at entry {broken}")
            payload = {
                "digest": store.artifacts.digest_of(file),
                "snapshots": len(rows["snapshots"]),
            }
            audit.append(connection, name, "imported", payload, at=at)
    return inspect_archive(file)


def refuse_known(store: Store, name: str) -> None:
    """Refuse a name that the store knows.

    Raises
    ------
    NameConflictError
        If a pipeline of that name is there, or was (its audit chain is).
    """
    query = select(tables.audit.c.pipeline).where(tables.audit.c.pipeline == name).limit(1)
    with store.database.read() as connection:
        if connection.execute(query).first() is not None:
            raise NameConflictError(
                f"this store knows a pipeline {name!r} already, or its audit log; import it into "
                "another CALMOPS_HOME"
            )


def _rows(connection: Connection, name: str) -> dict[str, list[dict[str, Any]]]:
    return {
        table.name: [dict(row) for row in connection.execute(_of(table, name)).mappings()]
        for table in tables.metadata.sorted_tables
        if table.name not in _LEFT_OUT
    }


def _of(table: Table, name: str) -> Select[Any]:
    return select(table).where(of_pipeline(table, name)).order_by(*table.primary_key)


@contextmanager
def _opened(file: Path) -> Iterator[tuple[zipfile.ZipFile, dict[str, list[dict[str, Any]]]]]:
    try:
        with zipfile.ZipFile(file) as archive:
            _check_names(archive)
            yield archive, _read_rows(archive)
    except (OSError, zipfile.BadZipFile, EOFError, zipfile.LargeZipFile) as err:
        raise SpecError(f"{str(file)!r} is no archive of a pipeline: {err}") from err


def _check_names(archive: zipfile.ZipFile) -> None:
    names = [info.filename for info in archive.infolist()]
    odd = [name for name in names if name != ROWS and not _ARTIFACT.match(name)]
    if odd or ROWS not in names or len(set(names)) != len(names):
        raise SpecError(f"no archive of a pipeline: it holds {odd[:3] or names[:3]}")


def _read_rows(archive: zipfile.ZipFile) -> dict[str, list[dict[str, Any]]]:
    if archive.getinfo(ROWS).file_size > MAX_ROWS_BYTES:
        raise SpecError(f"{ROWS} is larger than {MAX_ROWS_BYTES} bytes")
    with archive.open(ROWS) as stream:
        text = stream.read(MAX_ROWS_BYTES + 1)
    try:
        values = json.loads(text)
        rows = values["rows"]
        known = {t.name for t in tables.metadata.sorted_tables} - _LEFT_OUT
        is_ours = values["format"] == FORMAT and set(rows) == known and len(rows["pipelines"]) == 1
    except (ValueError, KeyError, TypeError) as err:
        raise SpecError(f"{ROWS} cannot be read: {err}") from err
    if not is_ours or values["schema"] != HEAD:
        raise SpecError(
            f"the archive has format {values['format']!r} and schema {values.get('schema')!r}; "
            f"this version reads format {FORMAT} with schema {HEAD!r}"
        )
    return dict(rows)


def _take_artifacts(store: Store, archive: zipfile.ZipFile) -> None:
    for info in archive.infolist():
        if info.filename == ROWS:
            continue
        if info.file_size > MAX_ARTIFACT_BYTES:
            raise SpecError(f"{info.filename} is larger than {MAX_ARTIFACT_BYTES} bytes")
        wanted = info.filename.removeprefix("artifacts/")
        content = archive.read(info)
        if store.artifacts.digest_of(content) != wanted:
            raise SpecError(f"{info.filename} was changed: its bytes hash to another digest")
        store.artifacts.put(content)


def _insert(connection: Connection, rows: dict[str, list[dict[str, Any]]], at: str) -> None:
    """Insert all rows; snapshots get new ids, and whatever names one follows."""
    new_ids: dict[int, int] = {}
    links = []
    for table in tables.metadata.sorted_tables:
        for row in rows.get(table.name, []):
            values = dict(row)
            if table is tables.snapshots:
                old = values.pop("id")
                links.append((old, values.pop("superseded_by"), values.pop("duplicate_of")))
                made = connection.execute(insert(table).values(values).returning(table.c.id))
                new_ids[old] = int(made.scalar_one())
                continue
            for column in ("snapshot_id", "label_id"):
                if values.get(column) is not None:
                    values[column] = new_ids[values[column]]
            if table is tables.outbox and values["delivered_at"] is None:
                values |= {"delivered_at": at, "delivered_to": "import"}
            connection.execute(insert(table).values(values))
    _link(connection, links, new_ids)
    name = rows["pipelines"][0]["name"]
    connection.execute(insert(tables.leases).values(pipeline=name, wake=0))


def _link(
    connection: Connection,
    links: list[tuple[int, int | None, int | None]],
    new_ids: dict[int, int],
) -> None:
    for old, superseded_by, duplicate_of in links:
        if superseded_by is None and duplicate_of is None:
            continue
        connection.execute(
            tables.snapshots.update()
            .where(tables.snapshots.c.id == new_ids[old])
            .values(
                superseded_by=new_ids.get(superseded_by) if superseded_by else None,
                duplicate_of=new_ids.get(duplicate_of) if duplicate_of else None,
            )
        )
