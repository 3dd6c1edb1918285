"""Links from snapshots to the reports that were rendered of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from calmops_flows.store.encoding import utc_text
from calmops_flows.store.tables import reports

if TYPE_CHECKING:
    from datetime import datetime

    from calmops_flows.store.database import Database


def link_report(
    database: Database, snapshot_id: int, kind: str, artifact: str, *, now: datetime
) -> None:
    """Remember a rendered report, in place of an earlier one of its kind.

    Parameters
    ----------
    database : Database
        The store's database.
    snapshot_id : int
        Row of the ledger.
    kind : str
        What was rendered, for example ``"evidently"``.
    artifact : str
        Digest of the report, which lies in the artifact store already.
    now : datetime
        When it was rendered.

    Raises
    ------
    StoreError
        If the database refuses, for example because the snapshot is gone.
    """
    same = (reports.c.snapshot_id == snapshot_id) & (reports.c.kind == kind)
    row = {"snapshot_id": snapshot_id, "kind": kind, "artifact": artifact, "at": utc_text(now)}
    with database.write("report.link") as connection:
        connection.execute(delete(reports).where(same))
        connection.execute(insert(reports).values(row))


def linked_reports(database: Database, snapshot_id: int) -> dict[str, str]:
    """Return the digests of a snapshot's rendered reports, by kind."""
    query = select(reports.c.kind, reports.c.artifact).where(reports.c.snapshot_id == snapshot_id)
    with database.read() as connection:
        return {
            row.kind: row.artifact for row in connection.execute(query.order_by(reports.c.kind))
        }
