"""Blocks in the ledger: a file that was read gives its place to its blocks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, delete, insert, select, update

from calmops_flows.data.source import natural_key
from calmops_flows.errors import StaleRunError
from calmops_flows.records import Role, Snapshot, SnapshotState
from calmops_flows.store import ledger
from calmops_flows.store.database import Database
from calmops_flows.store.encoding import utc_text
from calmops_flows.store.guard import check_token
from calmops_flows.store.ledger import Arrival
from calmops_flows.store.tables import (
    contracts,
    files,
    model_versions,
    outcomes,
    pipelines,
    snapshots,
)


@dataclass(frozen=True, slots=True)
class FoundBlock:
    """A block of a file: its id, the digest of id and rows, and of our copy of the rows."""

    block: str
    digest: str
    data_digest: str


def replace_by_blocks(
    database: Database,
    file: Snapshot,
    token: str,
    found: Sequence[FoundBlock],
    *,
    contract: str | None,
    process_duplicates: bool,
    rest: str | None = None,
    now: datetime,
) -> None:
    """Enter the blocks of a file in place of the file, in one transaction.

    A block that the ledger knows from this path, with the same rows, is left alone; with
    other rows, it is superseded. The same rows under the same id from elsewhere are a
    duplicate.

    Parameters
    ----------
    database : Database
        The store's database.
    file : Snapshot
        The pending file.
    token : str
        The lease's token.
    found : sequence of FoundBlock
        At least one, in processing order; each id once.
    contract : str or None
        Contract learnt from this file, when the pipeline had none.
    process_duplicates : bool
        Whether a duplicate is pending like any other.
    rest : str, optional
        Digest of the rows that belong to no block yet: the file stays pending with these.
    now : datetime
        Time of the entries.

    Raises
    ------
    LeaseLostError
        If the lease is no longer ours.
    StaleRunError
        If the pipeline got a contract in between.
    """
    at = utc_text(now)
    with database.write("ledger.split") as connection:
        row = check_token(connection, file.pipeline, token)
        if contract is not None and row.contract_version is not None:
            raise StaleRunError(f"pipeline {file.pipeline!r} got a contract in the meantime")
        known = _known(connection, file)
        size = _File(file, process_duplicates=process_duplicates, at=at)
        ids = [_enter(connection, size, block, known.get(block.block)) for block in found]
        if contract is not None:
            _write_contract(connection, file.pipeline, contract, ids[0], row.revision, at)
        if rest is None:
            _drop_file(connection, file, ids[0])
        else:
            _keep_rest(connection, file, rest)


@dataclass(frozen=True, slots=True)
class _File:
    snapshot: Snapshot
    process_duplicates: bool
    at: str


def _known(connection: Connection, file: Snapshot) -> dict[str, tuple[int, str]]:
    """Return id and digest of the present content of each block of this path."""
    query = select(snapshots.c.block, snapshots.c.id, snapshots.c.digest).where(
        snapshots.c.pipeline == file.pipeline,
        snapshots.c.path == file.path,
        snapshots.c.block.is_not(None),
        snapshots.c.superseded_by.is_(None),
    )
    return {row.block: (row.id, row.digest) for row in connection.execute(query)}


def _enter(
    connection: Connection, file: _File, found: FoundBlock, known: tuple[int, str] | None
) -> int:
    if known is not None and known[1] == found.digest:
        return known[0]
    snapshot = file.snapshot
    name = snapshot.pipeline
    twin = None
    if not file.process_duplicates:
        twin = ledger.original(connection, name, found.digest, snapshot.role)
    order = _order(connection, snapshot.id)
    arrival = Arrival(
        snapshot.path,
        found.digest,
        snapshot.size_bytes,
        snapshot.stamp,
        0,
        order_value=order,
        role=snapshot.role,
    )
    entered = ledger.add(
        connection,
        name,
        arrival,
        twin,
        file.at,
        block=found.block,
        data_digest=found.data_digest,
    )
    if known is not None:
        ledger.supersede(connection, known[0], entered)
    return entered


def _order(connection: Connection, snapshot_id: int) -> str | None:
    query = select(snapshots.c.order_value).where(snapshots.c.id == snapshot_id)
    value: str | None = connection.execute(query).scalar()
    return value


def _write_contract(
    connection: Connection, name: str, contract: str, snapshot_id: int, revision: int, at: str
) -> None:
    connection.execute(
        insert(contracts).values(
            pipeline=name, version=1, contract=contract, snapshot_id=snapshot_id, at=at
        )
    )
    connection.execute(
        update(pipelines)
        .where(pipelines.c.name == name)
        .values(contract_version=1, revision=revision + 1)
    )


def _drop_file(connection: Connection, file: Snapshot, heir: int) -> None:
    """Remove the file's own entry; what pointed to it points to its first block."""
    for table, column in (
        (files, files.c.snapshot_id),
        (snapshots, snapshots.c.superseded_by),
        (snapshots, snapshots.c.duplicate_of),
    ):
        connection.execute(update(table).where(column == file.id).values({column.name: heir}))
    connection.execute(delete(snapshots).where(snapshots.c.id == file.id))


def _keep_rest(connection: Connection, file: Snapshot, rest: str) -> None:
    """Leave the file its other rows; what is new about them is no further attempt."""
    connection.execute(
        update(snapshots).where(snapshots.c.id == file.id).values(data_digest=rest, attempts=0)
    )


def contents(database: Database, pipeline: str) -> dict[str, list[Snapshot]]:
    """Return the processed contents of each block that still hold, the newest first.

    The blocks come in natural order.
    """
    query = (
        _processed(pipeline)
        .add_columns(snapshots)
        .where(snapshots.c.superseded_by.is_(None))
        .order_by(outcomes.c.at.desc(), snapshots.c.sequence.desc())
    )
    found: dict[str, list[Snapshot]] = defaultdict(list)
    with database.read() as connection:
        for row in connection.execute(query):
            found[row.block].append(ledger.to_snapshot(row))
    return {block: found[block] for block in sorted(found, key=natural_key)}


def profiles(
    database: Database,
    pipeline: str,
    block: str,
    *,
    limit: int,
    newest: bool,
    besides: Collection[int] = (),
) -> list[str]:
    """Return the profiles of the newest (or oldest) processed contents of one block.

    Contents that were rewritten since are among them: a block's own past is what was seen
    under its id. ``besides`` names the snapshots to leave out.
    """
    order = (outcomes.c.at, snapshots.c.sequence)
    query = (
        _processed(pipeline)
        .add_columns(snapshots.c.id, snapshots.c.profile_digest)
        .where(snapshots.c.block == block)
        .order_by(*(column.desc() if newest else column for column in order))
        .limit(limit + len(besides))
    )
    with database.read() as connection:
        rows = connection.execute(query).all()
    return [row.profile_digest for row in rows if row.id not in besides][:limit]


def taught_profile(database: Database, pipeline: str, version: int, block: str) -> str | None:
    """Return the profile of the rows that a version learnt last under a block's id.

    The version's parts were fitted by itself and the versions it descends from.
    """
    query = (
        select(
            model_versions.c.version,
            model_versions.c.parent,
            snapshots.c.block,
            snapshots.c.profile_digest,
        )
        .join(snapshots, snapshots.c.id == model_versions.c.snapshot_id)
        .where(model_versions.c.pipeline == pipeline, model_versions.c.version <= version)
    )
    with database.read() as connection:
        versions = {row.version: row for row in connection.execute(query)}
    at: int | None = version
    while at is not None and at in versions:
        if versions[at].block == block:
            found: str = versions[at].profile_digest
            return found
        at = versions[at].parent
    return None


def _processed(pipeline: str) -> Select[Any]:
    return (
        select()
        .select_from(snapshots.join(outcomes, outcomes.c.snapshot_id == snapshots.c.id))
        .where(
            snapshots.c.pipeline == pipeline,
            snapshots.c.state == SnapshotState.PROCESSED,
            snapshots.c.role == Role.DATA,
            snapshots.c.block.is_not(None),
        )
    )
