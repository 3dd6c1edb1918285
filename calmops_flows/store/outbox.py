"""What is still to be told to the outside: at least once, under a stable id."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from calmops_flows.store.database import Database
from calmops_flows.store.encoding import canonical_json, stored_json
from calmops_flows.store.tables import outbox, pipelines

NOTIFICATION = "calmops.notification"
_PREFIX = "calmops."
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "calmops:outbox")


@dataclass(frozen=True, slots=True)
class Message:
    """An undelivered message; ``id`` is the same at every delivery."""

    id: str
    kind: str
    payload: Mapping[str, Any]
    created_at: str


def enqueue(
    connection: Connection,
    pipeline: str,
    kind: str,
    payload: Mapping[str, Any],
    *,
    key: str,
    at: str,
) -> None:
    """Add one message, and one more for each block to notify, in the caller's transaction.

    ``key`` names the fact that is told (snapshot and copy), so that the id
    does not depend on when or by whom it was written. The same fact may come true again
    (a snapshot that was tried again and set aside again): that is another message.
    """
    _add(connection, pipeline, kind, payload, fact=f"{pipeline}/{key}/{kind}", at=at)
    for block in _blocks_to_notify(connection, pipeline, kind):
        order = {"event": kind, "block": block, "about": dict(payload)}
        fact = f"{pipeline}/{key}/{kind}/{block}"
        _add(connection, pipeline, NOTIFICATION, order, fact=fact, at=at)


def _blocks_to_notify(connection: Connection, pipeline: str, kind: str) -> list[str]:
    """Return the Prefect blocks that the pipeline's spec names for an event."""
    query = select(pipelines.c.spec).where(pipelines.c.name == pipeline)
    text = connection.execute(query).scalar_one()
    found: list[str] = stored_json(text).get("notify", {}).get(kind.removeprefix(_PREFIX), [])
    return found


def _add(
    connection: Connection,
    pipeline: str,
    kind: str,
    payload: Mapping[str, Any],
    *,
    fact: str,
    at: str,
) -> None:
    position = connection.execute(
        select(func.coalesce(func.max(outbox.c.position), 0)).where(outbox.c.pipeline == pipeline)
    ).scalar_one()
    connection.execute(
        insert(outbox).values(
            id=_new_id(connection, fact),
            pipeline=pipeline,
            position=position + 1,
            kind=kind,
            payload=canonical_json(payload),
            created_at=at,
            attempts=0,
        )
    )


def _new_id(connection: Connection, fact: str) -> str:
    """Return the id of a fact, or of its next repetition."""
    number = 1
    while True:
        name = fact if number == 1 else f"{fact}/{number}"
        found = str(uuid.uuid5(_NAMESPACE, name))
        if connection.execute(select(outbox.c.id).where(outbox.c.id == found)).first() is None:
            return found
        number += 1


def undelivered(database: Database, pipeline: str) -> list[Message]:
    """Return the messages that nobody has acknowledged, oldest first."""
    query = (
        select(outbox.c.id, outbox.c.kind, outbox.c.payload, outbox.c.created_at)
        .where(outbox.c.pipeline == pipeline, outbox.c.delivered_at.is_(None))
        .order_by(outbox.c.position)
    )
    with database.read() as connection:
        return [
            Message(row.id, row.kind, stored_json(row.payload), row.created_at)
            for row in connection.execute(query)
        ]


def acknowledge(database: Database, messages: list[Message], *, sink: str, at: str) -> None:
    """Mark messages as delivered to ``sink``, all in one transaction."""
    with database.write("outbox.acknowledge") as connection:
        connection.execute(
            update(outbox)
            .where(outbox.c.id.in_([message.id for message in messages]))
            .values(delivered_at=at, delivered_to=sink, attempts=outbox.c.attempts + 1)
        )


def record_failure(database: Database, messages: list[Message], error: str) -> None:
    """Keep why a delivery failed; a later run tries again."""
    with database.write("outbox.failed") as connection:
        connection.execute(
            update(outbox)
            .where(outbox.c.id.in_([message.id for message in messages]))
            .values(attempts=outbox.c.attempts + 1, last_error=error[:500])
        )
