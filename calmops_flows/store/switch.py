"""Change the champion by hand, in one transaction."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, select, update

from calmops_flows.errors import NotFoundError, StaleRunError
from calmops_flows.records import VersionStatus
from calmops_flows.store import audit, outbox, tables
from calmops_flows.store.database import Database
from calmops_flows.store.encoding import utc_text
from calmops_flows.store.guard import lock_existing

Kind = Literal["promoted", "rolled_back"]


@dataclass(frozen=True, slots=True)
class Switched:
    """Which version served before, and which one serves now."""

    name: str
    kind: Kind
    before: int | None
    champion: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, ready for JSON."""
        return asdict(self)


def switch_champion(
    database: Database, name: str, version: int, *, kind: Kind, revision: int, now: datetime
) -> Switched:
    """Let another version serve; a run at work notices and starts its snapshot again.

    Parameters
    ----------
    database : Database
        The store's.
    name : str
        Name of the pipeline.
    version : int
        The version that shall serve.
    kind : {"promoted", "rolled_back"}
        What it is called.
    revision : int
        The pipeline's revision when the version was checked.
    now : datetime
        Time-zone aware.

    Raises
    ------
    NotFoundError
        If there is no such pipeline or version.
    StaleRunError
        If the pipeline changed since ``revision`` was read; nothing was written.
    """
    versions, pipelines = tables.model_versions, tables.pipelines
    at = utc_text(now)
    with database.write("champion.switch") as connection:
        row = lock_existing(connection, name)
        if row.revision != revision:
            raise StaleRunError(
                f"pipeline {name!r} changed meanwhile (revision {revision} -> {row.revision}); "
                "nothing was written, look again"
            )
        for number, status in (
            (row.champion, VersionStatus.RETIRED),
            (version, VersionStatus.CHAMPION),
        ):
            mine = (versions.c.pipeline == name) & (versions.c.version == number)
            found = connection.execute(update(versions).where(mine).values(status=status)).rowcount
            if number == version and not found:
                raise NotFoundError(f"pipeline {name!r} has no version {version}")
        connection.execute(
            update(pipelines)
            .where(pipelines.c.name == name)
            .values(champion=version, revision=row.revision + 1)
        )
        payload = {"version": version, "champion": version, "before": row.champion}
        audit.append(connection, name, kind, payload, at=at)
        key = f"by hand/{row.revision}"
        outbox.enqueue(
            connection,
            name,
            f"calmops.model.{kind}",
            {**payload, "reason": "by hand"},
            key=key,
            at=at,
        )
    return Switched(name, kind, row.champion, version)


def previous_champion(database: Database, name: str) -> int | None:
    """Return the version that served before the present one, by the audit log."""
    with database.read() as connection:
        present, *earlier = _champions(connection, name) or [None]
    return next((number for number in earlier if number not in {None, present}), None)


def _champions(connection: Connection, name: str) -> list[int | None]:
    """Return the champion after each entry that names one, the newest first."""
    query = (
        select(tables.audit.c.payload)
        .where(tables.audit.c.pipeline == name)
        .order_by(tables.audit.c.position.desc())
    )
    found: list[int | None] = []
    for text in connection.execute(query).scalars():
        payload = json.loads(text)
        if "champion" in payload and (not found or payload["champion"] != found[-1]):
            found.append(payload["champion"])
    return found
