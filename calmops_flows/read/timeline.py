"""A pipeline's snapshots one after another: scores, drift, volume, events."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, and_, case, func, select

from calmops_flows.read.happened import breaker_switches
from calmops_flows.read.names import require_pipeline
from calmops_flows.read.overview import DEFAULT_METRICS, label
from calmops_flows.read.stored import parsed
from calmops_flows.read.window import Window, chosen
from calmops_flows.store.tables import (
    ESTIMATED,
    LEARNING,
    REALISED,
    drift_results,
    metrics,
    outcomes,
    pipelines,
    snapshots,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from calmops_flows.store.store import Store

JOINT = "*"


@dataclass(frozen=True, slots=True)
class Score:
    """A metric with its bounds; they are None where no error is known."""

    value: float | None
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True, slots=True)
class TimelinePoint:
    """One snapshot.

    ``scores`` are the champion's on arrival, ``estimated`` and ``realised`` those without labels
    and from labels that came later; ``at`` is when it was decided, else when it arrived.
    ``missing`` is the share of cells without a value; ``breaker`` tells whether the snapshot
    ``opened`` or ``closed`` it.
    """

    sequence: int
    snapshot: str
    digest: str
    at: str
    state: str
    reason: str | None
    decision: str | None
    champion: int | None
    challenger: int | None
    rows: int | None
    missing: float | None
    is_drift: bool | None
    n_drifted: int
    n_tested: int
    joint_effect: float | None
    run_id: str | None
    block: str | None
    breaker: str | None = None
    scores: Mapping[str, Score] = field(default_factory=dict)
    estimated: Mapping[str, Score] = field(default_factory=dict)
    realised: Mapping[str, Score] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Timeline:
    """A part of a pipeline's past, oldest first.

    ``thresholds`` are the bounds that its spec sets, by metric; ``metric`` is the one that
    promotion looks at.
    """

    pipeline: str
    kind: str
    points: tuple[TimelinePoint, ...]
    metrics: tuple[str, ...]
    metric: str | None
    thresholds: Mapping[str, float]

    @property
    def decided(self) -> tuple[TimelinePoint, ...]:
        """The snapshots that were decided."""
        return tuple(point for point in self.points if point.decision is not None)


def timeline(store: Store, name: str, window: Window, *, now: datetime) -> Timeline:
    """Return the snapshots of a window with what is drawn of them.

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
    StoreError
        If its spec cannot be read.
    """
    with store.database.snapshot() as connection:
        require_pipeline(connection, name)
        head = connection.execute(
            select(pipelines.c.kind, pipelines.c.spec).where(pipelines.c.name == name)
        ).one()
        ids = chosen(name, window, now).subquery()
        rows = connection.execute(_query(ids)).all()[::-1]
        scores = _scores(connection, ids)
        drift = _drift(connection, ids)
        switches = breaker_switches(connection, name)
    points = tuple(
        _to_point(row, scores[row.id], drift.get(row.id), switches.get(row.digest)) for row in rows
    )
    spec = parsed(head.spec, f"the spec of pipeline {name!r}")
    found = sorted({m for p in points for s in (p.scores, p.estimated, p.realised) for m in s})
    wanted = spec.get("evaluation", {}).get("promotion", {}).get("metric")
    main = next((m for m in (wanted, *DEFAULT_METRICS, *found) if m in found), None)
    bounds = spec.get("evaluation", {}).get("thresholds") or {}
    return Timeline(name, head.kind, points, tuple(found), main, bounds)


def _query(ids: Any) -> Any:
    return (
        select(
            snapshots,
            outcomes.c.decision,
            outcomes.c.reason.label("why"),
            outcomes.c.champion,
            outcomes.c.challenger,
            outcomes.c.is_drift,
            outcomes.c.at,
            outcomes.c.run_id,
        )
        .join(ids, ids.c.id == snapshots.c.id)
        .outerjoin(outcomes, outcomes.c.snapshot_id == snapshots.c.id)
        .order_by(snapshots.c.sequence.desc())
    )


def _scores(connection: Connection, ids: Any) -> dict[int, dict[str, dict[str, Score]]]:
    query = (
        select(metrics)
        .join(ids, ids.c.id == metrics.c.snapshot_id)
        .where(metrics.c.role == "champion", metrics.c.scope != LEARNING)
    )
    found: dict[int, dict[str, dict[str, Score]]] = defaultdict(lambda: defaultdict(dict))
    for row in connection.execute(query):
        scope = row.scope if row.scope in {ESTIMATED, REALISED} else "arrival"
        found[row.snapshot_id][scope][row.metric] = Score(row.value, row.lower, row.upper)
    return found


def _drift(connection: Connection, ids: Any) -> dict[int, Any]:
    """Count the columns that were tested and that drifted, by snapshot."""
    result = drift_results.c
    alone = result.column != JOINT
    drifted = and_(alone, result.is_drift)
    query = (
        select(
            result.snapshot_id,
            func.count(
                case((and_(alone, result.is_drift.is_not(None)), result.column)).distinct()
            ).label("n_tested"),
            func.count(case((drifted, result.column)).distinct()).label("n_drifted"),
            func.max(case((result.column == JOINT, result.effect_size))).label("joint"),
        )
        .join(ids, ids.c.id == result.snapshot_id)
        .group_by(result.snapshot_id)
    )
    return {row.snapshot_id: row for row in connection.execute(query)}


def _to_point(
    row: Any, scores: Mapping[str, Mapping[str, Score]], drift: Any, breaker: str | None
) -> TimelinePoint:
    return TimelinePoint(
        sequence=row.sequence,
        snapshot=label(row.path, row.block),
        digest=row.digest,
        at=row.at or row.discovered_at,
        state=row.state,
        reason=row.why if row.decision is not None else row.reason,
        decision=row.decision,
        champion=row.champion,
        challenger=row.challenger,
        rows=row.rows,
        missing=row.missing_share,
        is_drift=row.is_drift,
        n_drifted=drift.n_drifted if drift else 0,
        n_tested=drift.n_tested if drift else 0,
        joint_effect=drift.joint if drift else None,
        run_id=row.run_id,
        block=row.block,
        breaker=breaker,
        scores=dict(scores.get("arrival", {})),
        estimated=dict(scores.get(ESTIMATED, {})),
        realised=dict(scores.get(REALISED, {})),
    )
