"""Close a pipeline's breaker by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import update

from calmops_flows.breaker import Breaker
from calmops_flows.store import audit, outbox, tables
from calmops_flows.store.encoding import utc_text
from calmops_flows.store.guard import lock_existing

if TYPE_CHECKING:
    from datetime import datetime

    from calmops_flows.store.database import Database


def close_breaker(database: Database, name: str, *, now: datetime) -> str | None:
    """Let a pipeline retrain again at once, also where its breaker cannot be read any more.

    A run that is at work starts its snapshot again.

    Parameters
    ----------
    database : Database
        The store's.
    name : str
        Name of the pipeline.
    now : datetime
        Time-zone aware.

    Returns
    -------
    str or None
        What the breaker was (``open``, ``half_open``, or ``closed`` after failures); None if it
        was closed without a failure, and nothing was written.

    Raises
    ------
    NotFoundError
        If there is no such pipeline.
    """
    closed = Breaker.closed().to_json()
    at = utc_text(now)
    with database.write("breaker.close") as connection:
        row = lock_existing(connection, name)
        if row.breaker == closed:
            return None
        before = Breaker.from_json(row.breaker).state
        connection.execute(
            update(tables.pipelines)
            .where(tables.pipelines.c.name == name)
            .values(breaker=closed, revision=row.revision + 1)
        )
        payload = {"before": before, "reason": "by hand"}
        audit.append(connection, name, "breaker_closed", payload, at=at)
        key = f"by hand/{row.revision}"
        outbox.enqueue(connection, name, "calmops.circuit.closed", payload, key=key, at=at)
    return str(before)
