"""Keep the record of a backtest with the newest snapshot that it knew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from calmops_flows.read.backtests import KIND, Backtest
from calmops_flows.store.encoding import canonical_json
from calmops_flows.store.reports import link_report
from calmops_flows.store.tables import outcomes, snapshots

if TYPE_CHECKING:
    from datetime import datetime

    from calmops_flows.store.store import Store


def keep(store: Store, found: Backtest, *, now: datetime) -> str | None:
    """Put a backtest into the artifact store, and link it to the newest outcome.

    Returns
    -------
    str or None
        Its digest; None when the pipeline has no outcome yet to link it to.
    """
    query = (
        select(snapshots.c.id)
        .join(outcomes, outcomes.c.snapshot_id == snapshots.c.id)
        .where(snapshots.c.pipeline == found.pipeline)
        .order_by(outcomes.c.at.desc(), snapshots.c.sequence.desc())
        .limit(1)
    )
    with store.database.read() as connection:
        newest = connection.execute(query).scalar()
    if newest is None:
        return None
    digest = store.artifacts.put(canonical_json(found.to_dict()).encode())
    link_report(store.database, newest, KIND, digest, now=now)
    return digest
