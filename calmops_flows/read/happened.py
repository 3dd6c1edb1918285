"""What happened to a pipeline besides its decisions, from the audit log and the outbox."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, func, select

from calmops_flows.errors import StoreError
from calmops_flows.read.names import require_pipeline
from calmops_flows.read.stored import parsed
from calmops_flows.store.tables import audit, outbox

if TYPE_CHECKING:
    from calmops_flows.store.store import Store

MOST_ENTRIES = 500
_DAILY = "processed"
_BREAKER = "calmops.circuit."


@dataclass(frozen=True, slots=True)
class Happening:
    """One entry: when, what, and about which file or version."""

    at: str
    kind: str
    about: str


@dataclass(frozen=True, slots=True)
class Happened:
    """Newest first: what people and the system did, and how the breaker switched.

    ``failing`` are messages that could not be delivered: kind, attempts, last error.
    """

    entries: tuple[Happening, ...]
    breaker: tuple[Happening, ...]
    failing: tuple[tuple[str, int, str], ...]
    waiting: int


def happened(store: Store, name: str) -> Happened:
    """Return what happened to a pipeline, the newest 500 entries.

    Raises
    ------
    NotFoundError
        If there is no pipeline of that name.
    """
    with store.database.snapshot() as connection:
        require_pipeline(connection, name)
        entries = connection.execute(
            select(audit.c.at, audit.c.kind, audit.c.payload)
            .where(audit.c.pipeline == name, audit.c.kind != _DAILY)
            .order_by(audit.c.position.desc())
            .limit(MOST_ENTRIES)
        ).all()
        switches = connection.execute(
            select(outbox.c.created_at.label("at"), outbox.c.kind, outbox.c.payload)
            .where(outbox.c.pipeline == name, outbox.c.kind.startswith(_BREAKER))
            .order_by(outbox.c.position.desc())
            .limit(MOST_ENTRIES)
        ).all()
        waits = (outbox.c.pipeline == name) & outbox.c.delivered_at.is_(None)
        failing = connection.execute(
            select(outbox.c.kind, outbox.c.attempts, outbox.c.last_error)
            .where(waits, outbox.c.attempts > 0)
            .order_by(outbox.c.position.desc())
            .limit(MOST_ENTRIES)
        ).all()
        waiting = connection.execute(select(func.count()).select_from(outbox).where(waits)).scalar()
    return Happened(
        tuple(Happening(row.at, row.kind, _about(row.payload)) for row in entries),
        tuple(
            Happening(row.at, row.kind.removeprefix(_BREAKER), _about(row.payload))
            for row in switches
        ),
        tuple((row.kind, row.attempts, row.last_error or "") for row in failing),
        int(waiting or 0),
    )


def breaker_switches(connection: Connection, name: str) -> dict[str, str]:
    """Return which snapshots ``opened`` or ``closed`` the breaker, by digest.

    Entries that cannot be read are left out; `happened` names them.
    """
    query = (
        select(outbox.c.kind, outbox.c.payload)
        .where(outbox.c.pipeline == name, outbox.c.kind.startswith(_BREAKER))
        .order_by(outbox.c.position.desc())
        .limit(MOST_ENTRIES)
    )
    found: dict[str, str] = {}
    for row in connection.execute(query):
        try:
            digest = parsed(row.payload, "the entry").get("digest")
        except StoreError:
            continue
        if digest is not None:
            found.setdefault(digest, row.kind.removeprefix(_BREAKER))
    return found


def _about(text: str) -> str:
    """Say what an entry is about, in a few words."""
    try:
        values = parsed(text, "the entry")
    except StoreError:
        return "the entry is damaged; see `calmops audit`"
    named = {
        key: values[key]
        for key in ("snapshot", "version", "champion", "reason", "failures")
        if values.get(key) is not None
    }
    return ", ".join(f"{key} {value}" for key, value in named.items())
