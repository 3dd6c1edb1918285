"""The parquet copies of a pipeline's processed snapshots."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from calmops_flows.records import Role, SnapshotState
from calmops_flows.store.database import Database
from calmops_flows.store.tables import outcomes, snapshots


@dataclass(frozen=True, slots=True)
class Copy:
    """A processed snapshot; ``data_digest`` is None when its copy was not retained."""

    digest: str
    data_digest: str | None


def copies(
    database: Database, pipeline: str, *, block: str | None = None, since: str | None = None
) -> list[Copy]:
    """Return the snapshots whose rows count, newest outcome first.

    Those that a newer content has replaced are left out.

    Parameters
    ----------
    database : Database
        The store's database.
    pipeline : str
        Name of the pipeline.
    block : str, optional
        Only the snapshots of this block.
    since : str, optional
        Only outcomes from this time on.

    Returns
    -------
    list of Copy
        One per snapshot.
    """
    query = (
        select(snapshots.c.digest, snapshots.c.data_digest)
        .join(outcomes, outcomes.c.snapshot_id == snapshots.c.id)
        .where(
            snapshots.c.pipeline == pipeline,
            snapshots.c.state == SnapshotState.PROCESSED,
            snapshots.c.superseded_by.is_(None),
            snapshots.c.role != Role.CATCH_UP,  # the rows of another
        )
        .order_by(outcomes.c.at.desc(), snapshots.c.sequence.desc())
    )
    if block is not None:
        query = query.where(snapshots.c.block == block)
    if since is not None:
        query = query.where(outcomes.c.at >= since)
    with database.read() as connection:
        return [Copy(row.digest, row.data_digest) for row in connection.execute(query)]
