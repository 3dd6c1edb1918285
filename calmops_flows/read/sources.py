"""Which artifacts a snapshot's drift verdict was made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from calmops_flows.read.explain import find_snapshot
from calmops_flows.read.names import require_pipeline
from calmops_flows.read.overview import label
from calmops_flows.store.history import drift_report
from calmops_flows.store.tables import drift_reports, snapshots

if TYPE_CHECKING:
    from calmops_flows.store.store import Store


@dataclass(frozen=True, slots=True)
class Sources:
    """Digests of the rows and profiles that were compared; None where there is none.

    ``reference_data`` is None when the reference is no single snapshot.
    """

    snapshot_id: int
    label: str
    current_data: str | None
    reference_profile: str | None
    reference_data: str | None
    drifted: tuple[str, ...]


def find_sources(store: Store, name: str, snapshot: str | None = None) -> Sources:
    """Find what a snapshot was compared with.

    Parameters
    ----------
    store : Store
        The store.
    name : str
        Name of the pipeline.
    snapshot : str, optional
        Its path, or first digits of its digest; default: the one decided last.

    Raises
    ------
    NotFoundError
        If there is no such pipeline or snapshot.
    """
    with store.database.read() as connection:
        require_pipeline(connection, name)
        row = find_snapshot(connection, name, snapshot)
        profile = connection.execute(
            select(drift_reports.c.reference_digest).where(drift_reports.c.snapshot_id == row.id)
        ).scalar()
        data = connection.execute(
            select(snapshots.c.data_digest)
            .where(snapshots.c.pipeline == name, snapshots.c.profile_digest == profile)
            .order_by(snapshots.c.sequence)
            .limit(1)
        ).scalar()
    report = drift_report(store.database, row.id)
    return Sources(
        snapshot_id=row.id,
        label=label(row.path, row.block),
        current_data=row.data_digest,
        reference_profile=profile,
        reference_data=data,
        drifted=report.drifted if report else (),
    )
