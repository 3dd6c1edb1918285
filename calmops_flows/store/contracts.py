"""New versions of a contract, by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import insert, select, text, update

from calmops_flows.errors import StaleRunError
from calmops_flows.records import SnapshotState
from calmops_flows.store import audit
from calmops_flows.store.encoding import utc_text
from calmops_flows.store.guard import lock_existing
from calmops_flows.store.tables import contracts, pipelines, snapshots

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from calmops_flows.store.database import Database

# What a wider contract may let in; other reasons have other cures.
_CURED = ("missing_column", "column_type")


def accept_contract(
    database: Database,
    pipeline: str,
    contract: str,
    snapshot_id: int,
    *,
    parent: int,
    changes: Sequence[str],
    now: datetime,
) -> tuple[int, int]:
    """Make a new version of the contract, and give what the old one refused another turn.

    Parameters
    ----------
    database : Database
        The store's database.
    pipeline : str
        Name of the pipeline.
    contract : str
        Canonical JSON of the new version.
    snapshot_id : int
        The snapshot that it was widened for.
    parent : int
        Version that it was widened from.
    changes : sequence of str
        For the audit log.
    now : datetime
        Time-zone aware time.

    Returns
    -------
    version : int
        The new version.
    requeued : int
        Number of snapshots that are pending again.

    Raises
    ------
    StaleRunError
        If the contract changed meanwhile.
    """
    at = utc_text(now)
    with database.write("contract.accept") as connection:
        row = lock_existing(connection, pipeline)
        if row.contract_version != parent:
            raise StaleRunError(
                f"the contract of {pipeline!r} is at version {row.contract_version} by now; "
                "look at it and accept again"
            )
        connection.execute(
            insert(contracts).values(
                pipeline=pipeline,
                version=parent + 1,
                contract=contract,
                snapshot_id=snapshot_id,
                at=at,
            )
        )
        connection.execute(
            update(pipelines)
            .where(pipelines.c.name == pipeline)
            .values(contract_version=parent + 1, revision=pipelines.c.revision + 1)
        )
        refused = [
            found.id
            for found in connection.execute(
                select(snapshots.c.id, snapshots.c.reason).where(
                    snapshots.c.pipeline == pipeline,
                    snapshots.c.state == SnapshotState.QUARANTINED,
                )
            )
            if (found.reason or "").startswith(_CURED)
        ]
        connection.execute(
            update(snapshots)
            .where(snapshots.c.id.in_(refused))
            .values(state=SnapshotState.PENDING, reason=None, attempts=0)
        )
        payload = {"contract_version": parent + 1, "changes": list(changes)}
        audit.append(connection, pipeline, "contract", payload, at=at)
        connection.execute(  # a run that is at work now looks once more
            text("UPDATE leases SET wake = wake + 1 WHERE pipeline = :p"), {"p": pipeline}
        )
    return parent + 1, len(refused)
