"""Label files in the store: what they brought, and which rows they reached."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from calmops_flows.data.source import natural_key
from calmops_flows.records import Evaluation, Role, SnapshotState
from calmops_flows.store.database import Database
from calmops_flows.store.encoding import finite
from calmops_flows.store.tables import (
    REALISED,
    label_joins,
    metrics,
    model_versions,
    outcomes,
    predictions,
    row_keys,
    snapshots,
)

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class RowKeys:
    """The keys of one snapshot or label file.

    ``artifact`` holds the tidy labels of a label file; ``low`` and ``high`` are the first and
    last key, compared as Python compares text.
    """

    n_keys: int
    low: str | None
    high: str | None
    artifact: str | None = None
    contradictions: int = 0

    def overlaps(self, other: RowKeys) -> bool:
        """Tell whether the two could have a key in common."""
        if self.low is None or self.high is None or other.low is None or other.high is None:
            return False
        return self.low <= other.high and other.low <= self.high


EVERY_KEY = RowKeys(0, "", "\U0010ffff")


@dataclass(frozen=True, slots=True)
class Join:
    """What one label file brought to one snapshot.

    ``labelled`` and ``contradictions`` count rows of the snapshot after all its label files
    so far, ``realised`` scores its predictions on them.
    """

    snapshot_id: int
    label_id: int
    matched: int
    labelled: int
    contradictions: int
    realised: Evaluation | None
    on_arrival: bool = False


@dataclass(frozen=True, slots=True)
class LabelFacts:
    """What the transaction of a snapshot or label file writes about labels."""

    keys: RowKeys
    joins: tuple[Join, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyedSnapshot:
    """A processed snapshot whose rows have keys, and what was predicted for them."""

    id: int
    block: str | None
    keys: RowKeys
    data_digest: str
    decision: str
    version: int | None
    predictions: str | None


@dataclass(frozen=True, slots=True)
class LabelSource:
    """A processed label file; ``order`` decides whose label counts."""

    id: int
    keys: RowKeys
    order: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class PastJoin:
    """An earlier join of a snapshot; ``taught`` if a model was fitted on its rows then."""

    label_id: int
    position: int
    on_arrival: bool
    taught: bool


def label_order(path: str, sequence: int) -> tuple[Any, ...]:
    """Return what label files are ordered by: their names, then their arrival."""
    return (natural_key(path), sequence)


def write_labels(connection: Connection, snapshot_id: int, facts: LabelFacts, at: str) -> None:
    """Write keys, joins and realised scores, within the transaction of a snapshot."""
    keys = facts.keys
    connection.execute(
        insert(row_keys).values(
            snapshot_id=snapshot_id,
            artifact=keys.artifact,
            n_keys=keys.n_keys,
            low=keys.low,
            high=keys.high,
            contradictions=keys.contradictions,
        )
    )
    for join in facts.joins:
        _write_join(connection, join, at)


def _write_join(connection: Connection, join: Join, at: str) -> None:
    mine = label_joins.c.snapshot_id == join.snapshot_id
    position = connection.execute(
        select(func.coalesce(func.max(label_joins.c.position), 0)).where(mine)
    ).scalar_one()
    connection.execute(
        insert(label_joins).values(
            snapshot_id=join.snapshot_id,
            label_id=join.label_id,
            position=position + 1,
            matched=join.matched,
            labelled=join.labelled,
            contradictions=join.contradictions,
            on_arrival=join.on_arrival,
            at=at,
        )
    )
    if join.realised is None:
        return
    connection.execute(
        delete(metrics).where(
            metrics.c.snapshot_id == join.snapshot_id, metrics.c.scope == REALISED
        )
    )
    rows = [
        {
            "snapshot_id": join.snapshot_id,
            "role": "champion",
            "scope": REALISED,
            "metric": metric,
            "value": finite(value),
            "note": join.realised.notes.get(metric),
        }
        for metric, value in join.realised.metrics.items()
    ]
    if rows:
        connection.execute(insert(metrics), rows)


def label_sources(database: Database, pipeline: str, keys: RowKeys) -> list[LabelSource]:
    """Return the processed label files that may speak of some keys, the deciding one last."""
    query = (
        select(snapshots.c.id, snapshots.c.path, snapshots.c.sequence, row_keys)
        .join(row_keys, row_keys.c.snapshot_id == snapshots.c.id)
        .where(
            snapshots.c.pipeline == pipeline,
            snapshots.c.role == Role.LABELS,
            snapshots.c.state == SnapshotState.PROCESSED,
        )
    )
    with database.read() as connection:
        found = [
            LabelSource(row.id, _keys(row), label_order(row.path, row.sequence))
            for row in connection.execute(query)
        ]
    near = (source for source in found if source.keys.overlaps(keys))
    return sorted(near, key=lambda source: source.order)


def keyed_snapshots(database: Database, pipeline: str, keys: RowKeys) -> list[KeyedSnapshot]:
    """Return the processed snapshots that may have rows of some keys, in ledger order."""
    query = (
        select(
            snapshots.c.id,
            snapshots.c.block,
            snapshots.c.data_digest,
            row_keys.c.artifact,
            row_keys.c.n_keys,
            row_keys.c.low,
            row_keys.c.high,
            row_keys.c.contradictions,
            outcomes.c.decision,
            predictions.c.version,
            predictions.c.artifact.label("predictions"),
        )
        .join(row_keys, row_keys.c.snapshot_id == snapshots.c.id)
        .join(outcomes, outcomes.c.snapshot_id == snapshots.c.id)
        .outerjoin(predictions, predictions.c.snapshot_id == snapshots.c.id)
        .where(
            snapshots.c.pipeline == pipeline,
            snapshots.c.role == Role.DATA,
            snapshots.c.state == SnapshotState.PROCESSED,
            snapshots.c.superseded_by.is_(None),
        )
        .order_by(snapshots.c.sequence)
    )
    with database.read() as connection:
        rows = connection.execute(query).all()
    found = [
        KeyedSnapshot(
            row.id,
            row.block,
            _keys(row),
            row.data_digest,
            row.decision,
            row.version,
            row.predictions,
        )
        for row in rows
    ]
    return [snapshot for snapshot in found if snapshot.keys.overlaps(keys)]


def past_joins(database: Database, ids: Sequence[int]) -> dict[int, list[PastJoin]]:
    """Return the joins of some snapshots so far, oldest first."""
    found: dict[int, list[PastJoin]] = defaultdict(list)
    taught = select(model_versions.c.snapshot_id)
    with database.read() as connection:
        for start in range(0, len(ids), _CHUNK):
            query = (
                select(label_joins, label_joins.c.label_id.in_(taught).label("taught"))
                .where(label_joins.c.snapshot_id.in_(ids[start : start + _CHUNK]))
                .order_by(label_joins.c.snapshot_id, label_joins.c.position)
            )
            for row in connection.execute(query):
                found[row.snapshot_id].append(
                    PastJoin(row.label_id, row.position, row.on_arrival, bool(row.taught))
                )
    return found


def sources_by_id(sources: Sequence[LabelSource], ids: Collection[int]) -> list[LabelSource]:
    """Return some of the sources, in their order."""
    return [source for source in sources if source.id in ids]


def _keys(row: Any) -> RowKeys:
    return RowKeys(row.n_keys, row.low, row.high, row.artifact, row.contradictions)
