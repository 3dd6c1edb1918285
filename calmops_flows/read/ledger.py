"""The ledger of a pipeline: every file that arrived, where it stands, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from calmops_flows.read.names import require_pipeline
from calmops_flows.read.overview import label
from calmops_flows.store.tables import snapshots

if TYPE_CHECKING:
    from collections.abc import Collection

    from calmops_flows.store.store import Store

MOST_ENTRIES = 2000


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One arrival."""

    sequence: int
    snapshot: str
    role: str
    state: str
    reason: str | None
    attempts: int
    size_bytes: int
    rows: int | None
    arrived_at: str
    digest: str


@dataclass(frozen=True, slots=True)
class LedgerView:
    """Entries, newest first, and the number of all by state, whatever the filters."""

    entries: tuple[LedgerEntry, ...]
    counts: dict[str, int]


def ledger(
    store: Store,
    name: str,
    *,
    states: Collection[str] = (),
    containing: str = "",
    last: int = MOST_ENTRIES,
) -> LedgerView:
    """Return the newest entries of a pipeline's ledger.

    Parameters
    ----------
    store : Store
        The store.
    name : str
        Name of the pipeline.
    states : collection of str, optional
        Only these states; default all.
    containing : str, optional
        Only paths that contain this text, as it is.
    last : int, default 2000
        At most so many.

    Raises
    ------
    NotFoundError
        If there is no pipeline of that name.
    """
    with store.database.snapshot() as connection:
        require_pipeline(connection, name)
        mine = snapshots.c.pipeline == name
        counts = connection.execute(
            select(snapshots.c.state, func.count()).where(mine).group_by(snapshots.c.state)
        ).all()
        query = select(snapshots).where(mine).order_by(snapshots.c.sequence.desc()).limit(last)
        if states:
            query = query.where(snapshots.c.state.in_(list(states)))
        if containing:
            query = query.where(snapshots.c.path.contains(containing, autoescape=True))
        rows = connection.execute(query).all()
    entries = tuple(
        LedgerEntry(
            row.sequence,
            label(row.path, row.block),
            row.role,
            row.state,
            row.reason,
            row.attempts,
            row.size_bytes,
            row.rows,
            row.discovered_at,
            row.digest,
        )
        for row in rows
    )
    return LedgerView(entries, {state: number for state, number in counts})  # noqa: C416
