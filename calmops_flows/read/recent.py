"""The last few snapshots of every pipeline, for small charts, and what needs a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, case, func, select

from calmops_flows.errors import StoreError
from calmops_flows.read.overview import DEFAULT_METRICS
from calmops_flows.read.stored import parsed
from calmops_flows.read.views import Health
from calmops_flows.records import SnapshotState
from calmops_flows.store.tables import (
    ESTIMATED,
    LEARNING,
    drift_results,
    metrics,
    outcomes,
    pipelines,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from calmops_flows.read.views import PipelineView
    from calmops_flows.store.store import Store

N_RECENT = 30


@dataclass(frozen=True, slots=True)
class Recent:
    """The newest decided snapshots of one pipeline, oldest first.

    ``scores`` are of its main metric; ``drifted`` is the share of the tested columns that drifted,
    None where nothing was tested. ``wakes`` says in words what starts a run.
    """

    pipeline: str
    scores: tuple[float | None, ...]
    drifted: tuple[float | None, ...]
    wakes: str


def recent(store: Store, n: int = N_RECENT, *, now: datetime | None = None) -> dict[str, Recent]:
    """Return the last snapshots of every pipeline, by its name.

    Parameters
    ----------
    store : Store
        The store.
    n : int, default 30
        Snapshots of each.
    now : datetime, optional
        Time-zone aware; with it ``wakes`` begins with the next moment of a schedule, in UTC.
    """
    with store.database.snapshot() as connection:
        rows = connection.execute(select(pipelines.c.name, pipelines.c.spec)).all()
        return {row.name: _recent(connection, row.name, row.spec, n, now) for row in rows}


def _recent(connection: Connection, name: str, spec: str, n: int, now: datetime | None) -> Recent:
    newest = (
        select(outcomes.c.snapshot_id)
        .where(outcomes.c.pipeline == name)
        .order_by(outcomes.c.at.desc(), outcomes.c.snapshot_id.desc())
        .limit(n)
    )
    ids = list(connection.execute(newest).scalars())[::-1]
    try:
        values = parsed(spec, f"the spec of pipeline {name!r}")
    except StoreError:
        return Recent(name, (), (), "unknown: the spec is damaged")
    wanted = values.get("evaluation", {}).get("promotion", {}).get("metric")
    scores, shares = _scores(connection, ids, wanted), _shares(connection, ids)
    return Recent(
        name,
        tuple(scores.get(i) for i in ids),
        tuple(shares.get(i) for i in ids),
        _wakes(values.get("triggers", {}), now),
    )


def _scores(connection: Connection, ids: list[int], wanted: str | None) -> dict[int, Any]:
    """Return the main metric by snapshot; what was scored wins over what was estimated."""
    names = DEFAULT_METRICS if wanted is None else (wanted,)
    query = (
        select(metrics.c.snapshot_id, metrics.c.value)
        .where(
            metrics.c.snapshot_id.in_(ids),
            metrics.c.role == "champion",
            metrics.c.scope != LEARNING,
            metrics.c.metric.in_(names),
        )
        .order_by(metrics.c.scope != ESTIMATED, metrics.c.scope)
    )
    return {row.snapshot_id: row.value for row in connection.execute(query)}


def _shares(connection: Connection, ids: list[int]) -> dict[int, float]:
    result = drift_results.c
    tested = func.count(case((result.is_drift.is_not(None), result.column)).distinct())
    drifted = func.count(case((result.is_drift, result.column)).distinct())
    query = (
        select(result.snapshot_id, tested.label("tested"), drifted.label("drifted"))
        .where(result.snapshot_id.in_(ids), result.column != "*")
        .group_by(result.snapshot_id)
    )
    return {
        row.snapshot_id: row.drifted / row.tested for row in connection.execute(query) if row.tested
    }


def _wakes(triggers: Mapping[str, Any], now: datetime | None) -> str:
    """Say what starts a run, the next moment of a schedule first."""
    schedule = triggers.get("schedule") or {}
    at = None
    if now is not None and (schedule.get("cron") or schedule.get("rrule")):
        from calmops_flows.read.next_run import next_run

        at = next_run(schedule, now)
    said = _starts(triggers, schedule)
    return said if at is None else f"{at:%Y-%m-%d %H:%M}, {said}"


def _starts(triggers: Mapping[str, Any], schedule: Mapping[str, Any]) -> str:
    parts = ["when a file arrives"] if triggers.get("file_arrival", True) else []
    if schedule.get("cron"):
        parts.append(f"cron {schedule['cron']} ({schedule.get('timezone', 'UTC')})")
    elif schedule.get("interval_seconds"):
        parts.append(f"every {_span(float(schedule['interval_seconds']))}")
    elif schedule.get("rrule"):
        parts.append(f"rule {schedule['rrule']}")
    else:
        parts.append("every 5 min")
    return ", ".join(parts)


def _span(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"


def needs(view: PipelineView) -> str:
    """Say what a person should look at, or nothing.

    Examples
    --------
    >>> from calmops_flows.read import PipelineView
    >>> line = PipelineView("a", "stream", "healthy", 1, None, {"quarantined": 2}, None, None,
    ...                     "closed", False)
    >>> needs(line)
    '2 files are quarantined'
    """
    found = []
    n_aside = view.counts.get(SnapshotState.QUARANTINED, 0)
    if view.breaker == "open":
        found.append("retraining is paused: challengers kept failing")
    if n_aside:
        found.append(f"{n_aside} file{'s are' if n_aside > 1 else ' is'} quarantined")
    if view.health == Health.AWAITING_LABELS:
        found.append("labels are missing")
    if view.health == Health.DRIFT:
        found.append("drift, and the champion stayed")
    return "; ".join(found)
