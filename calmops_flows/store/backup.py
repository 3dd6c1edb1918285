"""Copy a whole store into a folder that is itself a ``CALMOPS_HOME``."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Table, insert, select, text

from calmops_flows.errors import SpecError
from calmops_flows.faults import durable
from calmops_flows.store.artifacts import ArtifactStore
from calmops_flows.store.database import Database
from calmops_flows.store.references import referenced, with_manifests
from calmops_flows.store.tables import metadata

if TYPE_CHECKING:
    from calmops_flows.store.store import Store

_ROWS = 1000  # read and written at once


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup holds."""

    folder: str
    artifacts: int
    size_bytes: int
    rows: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, ready for JSON."""
        return asdict(self)


def back_up(store: Store, folder: Path) -> Backup:
    """Copy database and artifacts as they stand at one moment, checking every byte.

    The database is copied in one reading transaction, into SQLite whatever it came from.
    Artifacts never change, so those that its rows name are copied afterwards. The folder
    appears when all of it is there.

    Parameters
    ----------
    store : Store
        The store; runs may go on meanwhile.
    folder : Path
        Does not exist yet, or is empty.

    Returns
    -------
    Backup
        Numbers of artifacts, bytes and rows.

    Raises
    ------
    SpecError
        If the folder holds something already.
    ArtifactError
        If an artifact that the database names is gone or was changed; see `calmops fsck`.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SpecError(f"a backup needs a new or empty folder, and {str(folder)!r} is not empty")
    partial = folder.with_name(f"{folder.name}.partial")
    if partial.exists():
        raise SpecError(f"{str(partial)!r} is left from a backup that was cut; remove it first")
    partial.mkdir(parents=True, mode=0o700)
    try:
        rows, digests = _copy_database(store, partial / "calmops.db")
        size = _copy_artifacts(store.artifacts, ArtifactStore(str(partial / "artifacts")), digests)
        if folder.exists():
            folder.rmdir()
        with durable("backup.rename"):
            partial.rename(folder)
    except BaseException:
        # After the rename there is none; what else cannot be removed, the next backup names.
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return Backup(str(folder), len(digests), size, rows)


def _copy_database(store: Store, file: Path) -> tuple[int, set[str]]:
    """Copy all rows; return their number, and the artifacts that they name."""
    target = Database(f"sqlite:///{file.absolute()}")
    try:
        target.ensure_schema()
        with (
            store.database.snapshot() as source,
            target.write("backup.rows") as copy,
        ):
            copy.execute(text("PRAGMA defer_foreign_keys=ON"))
            rows = sum(_copy_table(source, copy, table) for table in metadata.sorted_tables)
            copy.execute(
                text("UPDATE leases SET token = NULL, owner = NULL, expires_at = NULL, wake = 0")
            )
            named = dict(referenced(source))
    finally:
        target.close()
    return rows, with_manifests(store.artifacts, named)


def _copy_table(source: Connection, copy: Connection, table: Table) -> int:
    copied = 0
    found = source.execution_options(yield_per=_ROWS).execute(select(table)).mappings()
    for part in found.partitions(_ROWS):
        copy.execute(insert(table), [dict(row) for row in part])
        copied += len(part)
    return copied


def _copy_artifacts(source: ArtifactStore, target: ArtifactStore, digests: set[str]) -> int:
    size = 0
    for digest in sorted(digests):
        content = source.get(digest)
        target.put(content)
        size += len(content)
    return size
