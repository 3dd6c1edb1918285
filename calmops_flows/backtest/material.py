"""What is replayed: private copies, so that all policies see the same files."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select

from calmops_flows.data.arrivals import decode_path
from calmops_flows.data.batch import Limits
from calmops_flows.data.source import scan, take
from calmops_flows.errors import NotFoundError, SnapshotError
from calmops_flows.records import Role, SnapshotState
from calmops_flows.spec import SourceSpec
from calmops_flows.store.tables import outcomes, snapshots

if TYPE_CHECKING:
    from calmops_flows.spec import PipelineSpec
    from calmops_flows.store.store import Store


@dataclass(frozen=True, slots=True)
class Material:
    """A folder of files that nobody else writes to, as a source."""

    source: SourceSpec
    n_files: int
    notes: tuple[str, ...] = ()


def copies_of_files(store: Store, spec: PipelineSpec, folder: Path) -> Material:
    """Copy the files that lie in the source now.

    Raises
    ------
    NotFoundError
        If there are none.
    """
    limits = Limits.of(store.settings)
    found = scan(spec.source, {}, now=datetime.now(UTC).timestamp(), limits=limits)
    notes = [f"{path} is left out: {reason}" for path, reason in found.skipped]
    notes += [f"{seen.path} is left out: it is still being written" for seen in found.waiting]
    n_files = 0
    for seen in found.new:
        try:
            taken = take(spec.source, seen.path, folder.parent, limits=limits)
        except SnapshotError as err:
            notes.append(f"{seen.path} is left out: {err}")
            continue
        if taken.path is None:
            raise AssertionError("a file that was taken has a copy")
        target = folder / decode_path(seen.path)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(taken.path, target)
        os.utime(target, (seen.modified, seen.modified))
        n_files += 1
    if n_files == 0:
        raise NotFoundError(
            f"no file lies in {spec.source.path!r} to replay; --retained replays the copies "
            "that the store keeps"
        )
    notes += _gone(store, spec, {seen.path for seen in found.new})
    source = spec.source.model_copy(update={"path": str(folder), "settle_seconds": 0.0})
    return Material(source, n_files, tuple(notes))


def retained_copies(store: Store, spec: PipelineSpec, folder: Path) -> Material:
    """Write out the copies that the store keeps of processed snapshots, in their order.

    Raises
    ------
    NotFoundError
        If it keeps none.
    ArtifactError
        If one was changed.
    """
    query = (
        select(snapshots.c.data_digest)
        .join(outcomes, outcomes.c.snapshot_id == snapshots.c.id)
        .where(
            snapshots.c.pipeline == spec.name,
            snapshots.c.role == Role.DATA,
            snapshots.c.state == SnapshotState.PROCESSED,
            snapshots.c.superseded_by.is_(None),
        )
        .order_by(outcomes.c.at, snapshots.c.sequence)
    )
    with store.database.read() as connection:
        digests = list(connection.execute(query).scalars())
    kept = [d for d in digests if d is not None and store.artifacts.exists(d)]
    if not kept:
        raise NotFoundError(f"the store keeps no copy of a snapshot of {spec.name!r}")
    for number, digest in enumerate(kept, start=1):
        (folder / f"{number:06d}.parquet").write_bytes(store.artifacts.get(digest))
    n_missing = len(digests) - len(kept)
    notes = (f"{n_missing} of {len(digests)} copies are no longer kept",) if n_missing else ()
    # Two blocks or snapshots of equal rows are two all the same.
    source = SourceSpec(
        path=str(folder), format="parquet", settle_seconds=0.0, duplicates="process"
    )
    return Material(source, len(kept), notes)


def _gone(store: Store, spec: PipelineSpec, there: set[str]) -> list[str]:
    """Say how many processed files no longer lie in the source."""
    query = select(snapshots.c.path).where(
        snapshots.c.pipeline == spec.name,
        snapshots.c.role == Role.DATA,
        snapshots.c.state == SnapshotState.PROCESSED,
        snapshots.c.superseded_by.is_(None),
    )
    with store.database.read() as connection:
        paths = set(connection.execute(query).scalars())
    gone = len(paths - there)
    if not gone:
        return []
    return [f"{gone} of {len(paths)} processed files no longer lie there; see --retained"]
