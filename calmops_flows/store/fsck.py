"""Check every invariant of a store, and repair what can be repaired without guessing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, func, select, text, update

from calmops_flows.breaker import Breaker
from calmops_flows.errors import (
    ArtifactError,
    CalmopsError,
    DigestMismatchError,
    SpecError,
    UnreachableArtifactsError,
)
from calmops_flows.records import SnapshotState, VersionStatus
from calmops_flows.spec import parse_spec
from calmops_flows.store import audit
from calmops_flows.store.encoding import utc_text
from calmops_flows.store.exports import remove_export, unfinished_exports
from calmops_flows.store.files import LEFT_SECONDS
from calmops_flows.store.references import of_manifest, referenced
from calmops_flows.store.stored_texts import unreadable_texts
from calmops_flows.store.tables import (
    audit as audit_entries,
)
from calmops_flows.store.tables import (
    contracts,
    files,
    model_versions,
    outcomes,
    pipelines,
    snapshots,
)

if TYPE_CHECKING:
    from datetime import datetime

    from calmops_flows.store.store import Store

ORPHAN_SECONDS = LEFT_SECONDS  # a run that is at work may not have named its artifacts yet


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be.

    ``check`` is a stable short name, ``where`` the pipeline or artifact.
    """

    check: str
    where: str
    detail: str
    is_repaired: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, ready for JSON."""
        return asdict(self)


def fsck(store: Store, *, repair: bool = False, now: datetime) -> tuple[Finding, ...]:
    """Check database and artifacts.

    Parameters
    ----------
    store : Store
        The store; runs may go on meanwhile.
    repair : bool, default False
        Remove artifacts that nothing names and unfinished files, also those beside exported
        predictions, all older than a day, and point a pipeline without a valid champion to the
        one version that is marked as such.
    now : datetime
        Time-zone aware time.

    Returns
    -------
    tuple of Finding
        Empty when all is well.

    Raises
    ------
    UnreachableArtifactsError
        If the object store of the artifacts does not answer: then nothing is known of them.
    """
    with store.database.snapshot() as connection:
        found = [
            *_database(store, connection),
            *_pipelines(connection),
            *_ledger(connection),
            *_texts(connection),
            *_chains(connection),
        ]
        named = dict(referenced(connection))
        folders = set(_export_folders(connection))
        champions = list(_champions(connection))
    found.extend(_repair_champions(store, champions, repair=repair, now=now))
    found.extend(_artifacts(store, named))
    found.extend(_leftovers(store, set(named), repair=repair, now=now))
    found.extend(_left_exports(folders, repair=repair, now=now))
    return tuple(found)


def _database(store: Store, connection: Connection) -> Iterator[Finding]:
    if not store.database.is_sqlite:
        return
    for row in connection.execute(text("PRAGMA integrity_check")).all():
        if row[0] != "ok":
            yield Finding("integrity", "database", str(row[0]))
    for row in connection.execute(text("PRAGMA foreign_key_check")).all():
        yield Finding("foreign_key", str(row[0]), f"row {row[1]} names a missing row of {row[2]}")


def _pipelines(connection: Connection) -> Iterator[Finding]:
    for row in connection.execute(select(pipelines).order_by(pipelines.c.name)).all():
        try:
            parse_spec(json.loads(row.spec), where="the stored spec")
        except (SpecError, ValueError) as err:
            yield Finding("spec", row.name, str(err))
        if Breaker.from_json(row.breaker) == Breaker.unreadable() and row.breaker != (
            Breaker.unreadable().to_json()
        ):
            yield Finding("breaker", row.name, "its state cannot be read: it counts as open")
        known = select(func.count()).where(
            contracts.c.pipeline == row.name, contracts.c.version == row.contract_version
        )
        if row.contract_version is not None and not connection.execute(known).scalar_one():
            yield Finding("contract", row.name, f"version {row.contract_version} is missing")


def _champions(connection: Connection) -> Iterator[tuple[str, int | None, list[int]]]:
    """Yield the pipelines whose pointer and whose marked versions disagree."""
    marked = (model_versions.c.status == VersionStatus.CHAMPION).label("is_marked")
    for row in connection.execute(select(pipelines.c.name, pipelines.c.champion)).all():
        query = select(model_versions.c.version).where(
            model_versions.c.pipeline == row.name, marked
        )
        versions = list(connection.execute(query).scalars())
        if versions != ([] if row.champion is None else [row.champion]):
            yield row.name, row.champion, versions


def _repair_champions(
    store: Store,
    wrong: list[tuple[str, int | None, list[int]]],
    *,
    repair: bool,
    now: datetime,
) -> Iterator[Finding]:
    for name, pointer, marked in wrong:
        detail = f"the pipeline serves version {pointer}, and marked as champion are {marked}"
        can = repair and len(marked) == 1
        if can:
            with store.database.write("fsck.champion") as connection:
                connection.execute(
                    update(pipelines)
                    .where(pipelines.c.name == name)
                    .values(champion=marked[0], revision=pipelines.c.revision + 1)
                )
                payload = {"before": pointer, "champion": marked[0], "version": marked[0]}
                audit.append(connection, name, "repaired", payload, at=utc_text(now))
        yield Finding("champion", name, detail, is_repaired=can)


def _export_folders(connection: Connection) -> Iterator[str]:
    """Yield where pipelines write their predictions; of a damaged spec nothing is known."""
    for spec in connection.execute(select(pipelines.c.spec)).scalars():
        try:
            wanted = parse_spec(json.loads(spec), where="the stored spec").predictions
        except (SpecError, ValueError):
            continue  # `_pipelines` names it
        if wanted is not None:
            yield wanted.path


def _ledger(connection: Connection) -> Iterator[Finding]:
    decided = select(outcomes.c.snapshot_id)
    checks = {
        "outcome": (
            (snapshots.c.state == SnapshotState.PROCESSED) & snapshots.c.id.not_in(decided),
            "is processed, but no outcome says what was decided",
        ),
        "state": (
            (snapshots.c.state != SnapshotState.PROCESSED) & snapshots.c.id.in_(decided),
            "has an outcome, but its state is another than processed",
        ),
    }
    for check, (condition, detail) in checks.items():
        query = select(snapshots.c.pipeline, snapshots.c.path, snapshots.c.block).where(condition)
        for row in connection.execute(query):
            label = row.path if row.block is None else f"{row.path}#{row.block}"
            yield Finding(check, row.pipeline, f"{label!r} {detail}")
    strangers = (
        select(files.c.pipeline, files.c.path)
        .join(snapshots, snapshots.c.id == files.c.snapshot_id)
        .where(files.c.pipeline != snapshots.c.pipeline)
    )
    for row in connection.execute(strangers):
        yield Finding("files", row.pipeline, f"{row.path!r} points to another pipeline's snapshot")


def _texts(connection: Connection) -> Iterator[Finding]:
    for where, row in unreadable_texts(connection):
        yield Finding("text", where, f"the row {row} holds no JSON: it cannot be read")


def _chains(connection: Connection) -> Iterator[Finding]:
    names = select(audit_entries.c.pipeline).union(select(pipelines.c.name))
    for name in sorted(connection.execute(names).scalars()):
        broken = audit.first_broken(connection, name)
        if broken is not None:
            yield Finding("audit", name, f"the hash chain is broken at entry {broken}")
        missed = audit.unrecorded(connection, name)
        if missed:
            shown = f"{len(missed)} outcomes have no entry, the first that of {missed[0][:12]}"
            yield Finding("audit", name, f"{shown}: entries were removed")


def _artifacts(store: Store, named: dict[str, str]) -> Iterator[Finding]:
    """Read every artifact that is named; ``named`` grows by those that manifests name."""
    waiting = sorted(named.items())
    while waiting:
        digest, where = waiting.pop()
        try:
            store.artifacts.get(digest)
            if where == "model_versions.manifest":
                more = dict(of_manifest(store.artifacts, digest))
                waiting.extend(item for item in more.items() if item[0] not in named)
                named.update({key: value for key, value in more.items() if key not in named})
        except UnreachableArtifactsError:
            raise
        except DigestMismatchError as err:
            yield Finding("artifact_changed", digest, f"{where}: {err}")
        except (ArtifactError, CalmopsError, ValueError) as err:
            yield Finding("artifact_missing", digest, f"{where}: {err}")


def _leftovers(store: Store, named: set[str], *, repair: bool, now: datetime) -> Iterator[Finding]:
    oldest = now.timestamp() - ORPHAN_SECONDS
    for digest, written, size in list(store.artifacts.listing()):
        if digest in named or written > oldest:
            continue
        if repair:
            store.artifacts.remove(digest)
        yield Finding("orphan", digest, f"{size} bytes that nothing names", is_repaired=repair)
    for path, written in list(store.artifacts.unfinished()):
        if written > oldest:
            continue
        if repair:
            store.artifacts.remove_unfinished(path)
        yield Finding("unfinished", path, "left by a killed write", is_repaired=repair)


def _left_exports(folders: set[str], *, repair: bool, now: datetime) -> Iterator[Finding]:
    oldest = now.timestamp() - LEFT_SECONDS
    for folder in sorted(folders):
        try:
            for path, written in unfinished_exports(folder):
                if written <= oldest:
                    if repair:
                        remove_export(path)
                    detail = "left by a killed export"
                    yield Finding("unfinished", str(path), detail, is_repaired=repair)
        except OSError as err:
            yield Finding("exports", folder, f"cannot be looked at: {err.strerror}")
