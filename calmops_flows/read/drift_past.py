"""Drift of the columns over a part of the past: what is hot, how often, and since when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, and_, case, func, select

from calmops_flows.read.names import require_pipeline
from calmops_flows.read.overview import label
from calmops_flows.read.window import Window, chosen
from calmops_flows.store.tables import drift_reports, drift_results, snapshots

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from calmops_flows.store.store import Store

JOINT = "*"
MOST_COLUMNS = 40
MOST_SNAPSHOTS = 120


@dataclass(frozen=True, slots=True)
class RankedColumn:
    """A column over the window: snapshots tested and drifted, and the size of its effects."""

    name: str
    kind: str
    n_tested: int
    n_drifted: int
    largest: float | None
    smallest_p: float | None


@dataclass(frozen=True, slots=True)
class DriftCell:
    """The loudest test of one column on one snapshot; ``is_drift`` None: untestable."""

    sequence: int
    name: str
    effect: float | None
    p_value: float | None
    detector: str
    is_drift: bool | None


@dataclass(frozen=True, slots=True)
class JointPoint:
    """The test of all columns together on one snapshot."""

    sequence: int
    effect: float | None
    p_value: float | None
    is_drift: bool | None


@dataclass(frozen=True, slots=True)
class DriftPast:
    """Drift over a window, oldest snapshot first.

    ``columns`` holds all of them, most often drifted first; ``cells`` those of the first
    `MOST_COLUMNS` on the newest `MOST_SNAPSHOTS`, whose labels are ``snapshots`` by sequence.
    """

    columns: tuple[RankedColumn, ...]
    snapshots: dict[int, str]
    cells: tuple[DriftCell, ...]
    joint: tuple[JointPoint, ...]
    n_snapshots: int


def drift_past(store: Store, name: str, window: Window, *, now: datetime) -> DriftPast:
    """Return how the columns of a pipeline drifted over a window.

    Parameters
    ----------
    store : Store
        The store.
    name : str
        Name of the pipeline.
    window : Window
        Which part of its past.
    now : datetime
        End of a window of days.

    Raises
    ------
    NotFoundError
        If there is no pipeline of that name.
    """
    with store.database.snapshot() as connection:
        require_pipeline(connection, name)
        tested = chosen(name, window, now, decided=True).join(
            drift_reports, drift_reports.c.snapshot_id == snapshots.c.id
        )
        ids = list(connection.execute(tested).scalars())
        columns = _ranked(connection, ids)
        joint = _joint(connection, ids)
        shown = ids[:MOST_SNAPSHOTS]
        labels = _labels(connection, shown)
        cells = _cells(connection, shown, [column.name for column in columns[:MOST_COLUMNS]])
    return DriftPast(columns, labels, cells, joint, len(ids))


def _ranked(connection: Connection, ids: list[int]) -> tuple[RankedColumn, ...]:
    result = drift_results.c
    query = (
        select(
            result.column,
            func.max(result.kind).label("kind"),
            func.count(case((result.is_drift.is_not(None), result.snapshot_id)).distinct()).label(
                "n_tested"
            ),
            func.count(case((result.is_drift, result.snapshot_id)).distinct()).label("n_drifted"),
            func.max(func.abs(result.effect_size)).label("largest"),
            func.min(result.adjusted_p_value).label("smallest_p"),
        )
        .where(result.snapshot_id.in_(ids), result.column != JOINT)
        .group_by(result.column)
    )
    found = [
        RankedColumn(r.column, r.kind, r.n_tested, r.n_drifted, r.largest, r.smallest_p)
        for r in connection.execute(query)
    ]
    return tuple(sorted(found, key=lambda c: (-c.n_drifted, -(c.largest or 0.0), c.name)))


def _labels(connection: Connection, ids: list[int]) -> dict[int, str]:
    query = (
        select(snapshots.c.sequence, snapshots.c.path, snapshots.c.block)
        .where(snapshots.c.id.in_(ids))
        .order_by(snapshots.c.sequence)
    )
    return {row.sequence: label(row.path, row.block) for row in connection.execute(query)}


def _cells(connection: Connection, ids: list[int], columns: list[str]) -> tuple[DriftCell, ...]:
    result = drift_results.c
    query = (
        select(snapshots.c.sequence, drift_results)
        .join(snapshots, snapshots.c.id == result.snapshot_id)
        .where(and_(result.snapshot_id.in_(ids), result.column.in_(columns)))
        .order_by(snapshots.c.sequence, result.position)
    )
    return tuple(_loudest(connection.execute(query)))


def _loudest(rows: Iterable[Any]) -> list[DriftCell]:
    """Keep one test per column and snapshot: a drifted one, else the largest effect."""
    found: dict[tuple[int, str], DriftCell] = {}
    for row in rows:
        cell = DriftCell(
            row.sequence,
            row.column,
            None if row.effect_size is None else abs(row.effect_size),
            row.adjusted_p_value,
            row.detector,
            row.is_drift,
        )
        key = (cell.sequence, cell.name)
        if key not in found or _loudness(cell) > _loudness(found[key]):
            found[key] = cell
    return list(found.values())


def _loudness(cell: DriftCell) -> tuple[bool, bool, float]:
    return cell.is_drift is not None, bool(cell.is_drift), cell.effect or 0.0


def _joint(connection: Connection, ids: list[int]) -> tuple[JointPoint, ...]:
    result = drift_results.c
    query = (
        select(snapshots.c.sequence, result.effect_size, result.adjusted_p_value, result.is_drift)
        .join(snapshots, snapshots.c.id == result.snapshot_id)
        .where(result.snapshot_id.in_(ids), result.column == JOINT)
        .order_by(snapshots.c.sequence)
    )
    return tuple(JointPoint(*row) for row in connection.execute(query))
