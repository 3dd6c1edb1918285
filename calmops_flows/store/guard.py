"""Who may write: the pipeline's row lock and the fencing token.

Every transaction that appends to the audit chain takes the row lock first, so
that two of them never race for a position.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select

from calmops_flows.errors import LeaseLostError, NotFoundError
from calmops_flows.store.tables import leases, pipelines


def lock_pipeline(connection: Connection, name: str) -> Row[Any] | None:
    """Read a pipeline's row and hold it until the transaction ends."""
    query = select(pipelines).where(pipelines.c.name == name).with_for_update(key_share=True)
    return connection.execute(query).first()


def lock_existing(connection: Connection, name: str) -> Row[Any]:
    """Read and hold a pipeline's row, or raise NotFoundError."""
    row = lock_pipeline(connection, name)
    if row is None:
        raise NotFoundError(f"there is no pipeline {name!r}; `calmops list` shows those there are")
    return row


def check_token(connection: Connection, pipeline: str, token: str) -> Row[Any]:
    """Hold the pipeline's row, and raise LeaseLostError unless ``token`` still stands."""
    row = lock_pipeline(connection, pipeline)
    query = select(leases.c.token).where(leases.c.pipeline == pipeline).with_for_update()
    if row is None or connection.execute(query).scalar() != token:
        raise LeaseLostError(
            f"pipeline {pipeline!r} was taken by another worker or deleted; nothing was written"
        )
    return row
