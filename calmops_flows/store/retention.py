"""What retention may forget: artifacts by kind, and the rows that name them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, RowMapping, Select, delete, select, update

from calmops_flows.records import SnapshotState, VersionStatus
from calmops_flows.store import audit
from calmops_flows.store.encoding import utc_text
from calmops_flows.store.guard import check_token, lock_existing
from calmops_flows.store.tables import model_versions, outcomes, predictions, snapshots

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from calmops_flows.store.database import Database


@dataclass(frozen=True, slots=True)
class Item:
    """Something that is kept. ``key`` is a snapshot's id, or the number of a version."""

    kind: str
    key: int
    label: str
    digests: tuple[str, ...]
    at: str


def items(connection: Connection, pipeline: str, kind: str) -> list[Item]:
    """Return what is kept of a kind, newest first."""
    query, digests = _QUERIES[kind](pipeline)
    return [
        Item(
            kind=kind,
            key=row["key"],
            label=_label(row),
            digests=tuple(row[name] for name in digests if row[name]),
            at=row["at"],
        )
        for row in connection.execute(query).mappings()
    ]


def forget(
    database: Database, pipeline: str, token: str | None, chosen: Sequence[Item], *, now: datetime
) -> None:
    """Let the rows forget the chosen artifacts, all in one transaction.

    Parameters
    ----------
    database : Database
        The store's database.
    pipeline : str
        Name of the pipeline.
    token : str or None
        Token of the lease of the run that asks, None when a person does.
    chosen : sequence of Item
        What is to be forgotten.
    now : datetime
        Time-zone aware time, for the audit log.
    """
    with database.write("retention.forget") as connection:
        if token is None:
            lock_existing(connection, pipeline)
        else:
            check_token(connection, pipeline, token)
        for item in chosen:
            _FORGET[item.kind](connection, pipeline, item.key)
        payload = {"forgotten": [f"{item.kind}: {item.label}" for item in chosen]}
        audit.append(connection, pipeline, "retention", payload, at=utc_text(now))


def _of_snapshots(column: Any) -> Callable[[str], tuple[Select[Any], tuple[str, ...]]]:
    def query(pipeline: str) -> tuple[Select[Any], tuple[str, ...]]:
        found = (
            select(
                snapshots.c.id.label("key"),
                snapshots.c.path,
                snapshots.c.block,
                column.label("digest"),
                outcomes.c.at,
            )
            .join(outcomes, outcomes.c.snapshot_id == snapshots.c.id)
            .where(
                snapshots.c.pipeline == pipeline,
                snapshots.c.state == SnapshotState.PROCESSED,
                column.is_not(None),
            )
            .order_by(snapshots.c.sequence.desc())
        )
        return found, ("digest",)

    return query


def _of_predictions(pipeline: str) -> tuple[Select[Any], tuple[str, ...]]:
    found = (
        select(
            snapshots.c.id.label("key"),
            snapshots.c.path,
            snapshots.c.block,
            predictions.c.artifact.label("digest"),
            outcomes.c.at,
        )
        .join(predictions, predictions.c.snapshot_id == snapshots.c.id)
        .join(outcomes, outcomes.c.snapshot_id == snapshots.c.id)
        .where(snapshots.c.pipeline == pipeline)
        .order_by(snapshots.c.sequence.desc())
    )
    return found, ("digest",)


def _of_candidates(pipeline: str) -> tuple[Select[Any], tuple[str, ...]]:
    found = (
        select(
            model_versions.c.version.label("key"),
            model_versions.c.artifact,
            model_versions.c.judged_artifact,
            model_versions.c.golden,
            model_versions.c.created_at.label("at"),
        )
        .where(
            model_versions.c.pipeline == pipeline,
            model_versions.c.status == VersionStatus.CANDIDATE,
        )
        .order_by(model_versions.c.version.desc())
    )
    return found, ("artifact", "judged_artifact", "golden")


def _label(row: RowMapping) -> str:
    if "path" not in row:
        return f"version {row['key']}"
    return str(row["path"]) if row["block"] is None else f"{row['path']}#{row['block']}"


def _forget_copy(connection: Connection, _pipeline: str, key: int) -> None:
    connection.execute(update(snapshots).where(snapshots.c.id == key).values(data_digest=None))


def _forget_profile(connection: Connection, _pipeline: str, key: int) -> None:
    connection.execute(update(snapshots).where(snapshots.c.id == key).values(profile_digest=None))


def _forget_predictions(connection: Connection, _pipeline: str, key: int) -> None:
    connection.execute(delete(predictions).where(predictions.c.snapshot_id == key))


def _forget_candidate(connection: Connection, pipeline: str, key: int) -> None:
    connection.execute(
        update(model_versions)
        .where(
            model_versions.c.pipeline == pipeline,
            model_versions.c.version == key,
            model_versions.c.status == VersionStatus.CANDIDATE,
        )
        .values(status=VersionStatus.REMOVED)
    )


_QUERIES: dict[str, Callable[[str], tuple[Select[Any], tuple[str, ...]]]] = {
    "snapshots": _of_snapshots(snapshots.c.data_digest),
    "profiles": _of_snapshots(snapshots.c.profile_digest),
    "predictions": _of_predictions,
    "candidates": _of_candidates,
}
_FORGET: dict[str, Callable[[Connection, str, int], None]] = {
    "snapshots": _forget_copy,
    "profiles": _forget_profile,
    "predictions": _forget_predictions,
    "candidates": _forget_candidate,
}
