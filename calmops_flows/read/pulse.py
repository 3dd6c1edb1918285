"""How all pipelines are at this moment, from two small queries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select, text

from calmops_flows.records import SnapshotState
from calmops_flows.store.tables import leases, outcomes, pipelines, snapshots

if TYPE_CHECKING:
    from calmops_flows.store.store import Store


@dataclass(frozen=True, slots=True)
class Pulse:
    """Counts over all pipelines; ``newest`` is when anything was decided last."""

    pipelines: int
    running: int
    pending: int
    quarantined: int
    newest: str | None


def pulse(store: Store) -> Pulse:
    """Return how all pipelines are now."""
    held = select(func.count()).where(
        leases.c.token.is_not(None), leases.c.expires_at > text(store.database.clock())
    )
    waiting = (
        select(snapshots.c.state, func.count())
        .where(snapshots.c.state.in_([SnapshotState.PENDING, SnapshotState.QUARANTINED]))
        .group_by(snapshots.c.state)
    )
    query = select(
        select(func.count()).select_from(pipelines).scalar_subquery(),
        held.scalar_subquery(),
        select(func.max(outcomes.c.at)).scalar_subquery(),
    )
    with store.database.read() as connection:
        n, running, newest = connection.execute(query).one()
        counts = {state: number for state, number in connection.execute(waiting)}  # noqa: C416 - rows are no pairs
    return Pulse(
        pipelines=n,
        running=running,
        pending=counts.get(SnapshotState.PENDING, 0),
        quarantined=counts.get(SnapshotState.QUARANTINED, 0),
        newest=newest,
    )
