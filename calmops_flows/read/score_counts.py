"""The stored counts of one snapshot that curves and matrices are drawn from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from calmops_flows.errors import StoreError
from calmops_flows.evaluation.score_counts import ScoreCounts
from calmops_flows.read.explain import find_snapshot
from calmops_flows.read.names import require_pipeline
from calmops_flows.read.window import Window, chosen
from calmops_flows.store.tables import score_counts as stored
from calmops_flows.store.tables import snapshots

if TYPE_CHECKING:
    from datetime import datetime

    from calmops_flows.store.store import Store

__all__ = ["ScoreCounts", "counted", "score_counts"]


def score_counts(store: Store, name: str, snapshot: str | None = None) -> ScoreCounts | None:
    """Return the counts of a snapshot, of all its labelled rows; None if nothing was scored.

    Raises
    ------
    NotFoundError
        If there is no such pipeline or snapshot.
    StoreError
        If the row is damaged.
    """
    with store.database.read() as connection:
        require_pipeline(connection, name)
        row = find_snapshot(connection, name, snapshot)
        text = connection.execute(
            select(stored.c.counts).where(stored.c.snapshot_id == row.id)
        ).scalar()
    if text is None:
        return None
    try:
        return ScoreCounts.from_json(text)
    except (ValueError, TypeError, KeyError) as err:
        raise StoreError(
            f"the score counts of {row.path!r} are damaged ({err}); see `calmops fsck`"
        ) from err


def counted(store: Store, name: str, window: Window, *, now: datetime) -> frozenset[str]:
    """Return the digests of the snapshots of a window that have counts."""
    with store.database.read() as connection:
        ids = chosen(name, window, now, decided=True).subquery()
        query = (
            select(snapshots.c.digest)
            .join(stored, stored.c.snapshot_id == snapshots.c.id)
            .join(ids, ids.c.id == snapshots.c.id)
        )
        return frozenset(connection.execute(query).scalars())
