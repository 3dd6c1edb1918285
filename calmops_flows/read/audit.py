"""The audit log of a pipeline, and whether its hash chain holds."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from calmops_flows.errors import NotFoundError
from calmops_flows.read.names import require_pipeline
from calmops_flows.store.audit import first_broken, unrecorded
from calmops_flows.store.tables import audit as entries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from calmops_flows.store.store import Store


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry; ``hash`` covers it and, through the chain, all before it."""

    position: int
    at: str
    kind: str
    payload: Mapping[str, Any] | None
    hash: str


@dataclass(frozen=True, slots=True)
class AuditView:
    """A pipeline's audit log, oldest entry first.

    ``broken_at`` is the position of the first entry that does not fit its hash or its
    predecessor, None while the chain holds; ``unrecorded`` holds the digests of snapshots whose
    outcome no entry tells of, as after the newest entries were removed.
    """

    pipeline: str
    broken_at: int | None
    entries: tuple[AuditEntry, ...]
    unrecorded: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether nothing shows that an entry was edited or removed."""
        return self.broken_at is None and not self.unrecorded

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, ready for JSON."""
        return {**asdict(self), "holds": self.holds}


def audit(store: Store, name: str) -> AuditView:
    """Return the audit log of a pipeline, also of one that was deleted.

    Raises
    ------
    NotFoundError
        If nothing is known of a pipeline of that name.
    """
    query = select(entries).where(entries.c.pipeline == name).order_by(entries.c.position)
    with store.database.read() as connection:
        rows = connection.execute(query).all()
        if not rows:
            require_pipeline(connection, name)
            raise NotFoundError(f"pipeline {name!r} has no audit log")
        broken, missed = first_broken(connection, name), unrecorded(connection, name)
    found = tuple(
        AuditEntry(row.position, row.at, row.kind, _payload(row.payload), row.hash) for row in rows
    )
    return AuditView(name, broken, found, missed)


def _payload(text: str) -> dict[str, Any] | None:
    """Read a payload; one that was edited into something else shows as None."""
    try:
        values = json.loads(text)
    except ValueError:
        return None
    return values if isinstance(values, dict) else None
