"""The audit log: one hash chain per pipeline, written in the same transaction."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert, select

from calmops_flows.store.encoding import canonical_json
from calmops_flows.store.tables import audit, outcomes, snapshots

GENESIS = "0" * 64


def append(
    connection: Connection, pipeline: str, kind: str, payload: Mapping[str, Any], *, at: str
) -> None:
    """Add one entry to the chain, within the caller's transaction."""
    last = connection.execute(
        select(audit.c.position, audit.c.hash)
        .where(audit.c.pipeline == pipeline)
        .order_by(audit.c.position.desc())
        .limit(1)
    ).first()
    position, previous = (last.position + 1, last.hash) if last else (1, GENESIS)
    text = canonical_json(payload)
    connection.execute(
        insert(audit).values(
            pipeline=pipeline,
            position=position,
            at=at,
            kind=kind,
            payload=text,
            previous_hash=previous,
            hash=entry_hash(previous, pipeline, position, at, kind, text),
        )
    )


def entry_hash(
    previous: str, pipeline: str, position: int, at: str, kind: str, payload: str
) -> str:
    """Return the sha256 that chains an entry to the one before it."""
    parts = canonical_json([previous, pipeline, position, at, kind, payload])
    return hashlib.sha256(parts.encode()).hexdigest()


def first_broken(connection: Connection, pipeline: str) -> int | None:
    """Return the position of the first entry that breaks the chain, else None."""
    previous = GENESIS
    rows = connection.execute(
        select(audit).where(audit.c.pipeline == pipeline).order_by(audit.c.position)
    )
    for expected, row in enumerate(rows, start=1):
        digest = entry_hash(previous, pipeline, row.position, row.at, row.kind, row.payload)
        if (row.position, row.previous_hash, row.hash) != (expected, previous, digest):
            return expected
        previous = row.hash
    return None


def unrecorded(connection: Connection, pipeline: str) -> tuple[str, ...]:
    """Return the digests of snapshots with an outcome that no entry tells of, oldest first.

    The chain cannot know how long it was: so its newest entries are missed where what they told
    of is still there.
    """
    told: set[str] = set()
    kinds = select(audit.c.kind, audit.c.payload).where(audit.c.pipeline == pipeline)
    for row in connection.execute(kinds.order_by(audit.c.position)):
        if row.kind == "deleted":
            told.clear()
        elif row.kind == "processed":
            told.add(_digest(row.payload))
    known = (
        select(snapshots.c.digest)
        .join(outcomes, outcomes.c.snapshot_id == snapshots.c.id)
        .where(outcomes.c.pipeline == pipeline)
        .order_by(snapshots.c.sequence)
    )
    return tuple(digest for digest in connection.execute(known).scalars() if digest not in told)


def _digest(payload: str) -> str:
    """Read the digest of an entry; one that was edited may hold none."""
    try:
        values = json.loads(payload)
    except ValueError:
        return ""
    return str(values.get("digest", "")) if isinstance(values, dict) else ""
