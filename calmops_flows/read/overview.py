"""One line per pipeline, from a handful of queries however many there are."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, and_, func, select, text

from calmops_flows.read.views import BreakerView, Health, LastOutcome, MetricView, PipelineView
from calmops_flows.records import DecisionKind, SnapshotState
from calmops_flows.store.encoding import stored_json
from calmops_flows.store.tables import (
    ESTIMATED,
    leases,
    metrics,
    model_versions,
    outcomes,
    pipelines,
    snapshots,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from calmops_flows.store.database import Database
    from calmops_flows.store.store import Store

# The defaults of both tasks, in the order in which they are looked for.
DEFAULT_METRICS = ("balanced_accuracy", "rmse")
_CLOSED = '{"failures":0,"open_until":null,"state":"closed","trips":0}'


def list_pipelines(store: Store) -> list[PipelineView]:
    """Return one view per pipeline, sorted by name."""
    with store.database.read() as connection:
        return overview(store.database, connection)


def overview(
    database: Database, connection: Connection, *, name: str | None = None
) -> list[PipelineView]:
    """Return the views of all pipelines, or of one, within the caller's transaction."""
    rows = connection.execute(_pipelines_query(name)).all()
    counts = _counts(connection, name)
    scores = _last_scores(connection, [row.snapshot_id for row in rows if row.snapshot_id])
    held = _held(database, connection)
    return [
        _to_view(
            row, counts[row.name], scores.get(row.snapshot_id, {}), is_running=row.name in held
        )
        for row in rows
    ]


def _pipelines_query(name: str | None) -> Any:
    """Join each pipeline with its last outcome and its champion; both by index."""
    last = outcomes.alias("last")
    newest = (
        select(last.c.snapshot_id)
        .where(last.c.pipeline == pipelines.c.name)
        .order_by(last.c.at.desc(), last.c.snapshot_id.desc())
        .limit(1)
        .scalar_subquery()
    )
    entry = snapshots.alias("entry")
    newest_state = (
        select(entry.c.state)
        .where(
            entry.c.pipeline == pipelines.c.name,
            entry.c.state.in_([SnapshotState.PROCESSED, SnapshotState.QUARANTINED]),
        )
        .order_by(entry.c.sequence.desc())
        .limit(1)
        .scalar_subquery()
    )
    is_champion = and_(
        model_versions.c.pipeline == pipelines.c.name,
        model_versions.c.version == pipelines.c.champion,
    )
    query = (
        select(
            pipelines,
            model_versions.c.created_at.label("champion_since"),
            model_versions.c.metrics.label("champion_metrics"),
            outcomes.c.snapshot_id,
            outcomes.c.decision,
            outcomes.c.at,
            outcomes.c.is_drift,
            snapshots.c.path,
            snapshots.c.block,
            newest_state.label("newest_state"),
        )
        .select_from(pipelines)
        .outerjoin(outcomes, outcomes.c.snapshot_id == newest)
        .outerjoin(snapshots, snapshots.c.id == outcomes.c.snapshot_id)
        .outerjoin(model_versions, is_champion)
        .order_by(pipelines.c.name)
    )
    return query if name is None else query.where(pipelines.c.name == name)


def _counts(connection: Connection, name: str | None) -> dict[str, dict[str, int]]:
    query = select(snapshots.c.pipeline, snapshots.c.state, func.count()).group_by(
        snapshots.c.pipeline, snapshots.c.state
    )
    if name is not None:
        query = query.where(snapshots.c.pipeline == name)
    counts: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(SnapshotState, 0))
    for pipeline, state, number in connection.execute(query):
        counts[pipeline][state] = number
    return counts


def _last_scores(connection: Connection, ids: list[int]) -> dict[int, dict[str, MetricView]]:
    """Return the champion's scores on these snapshots, known ones before estimated ones."""
    query = (
        select(metrics)
        .where(metrics.c.snapshot_id.in_(ids), metrics.c.role == "champion")
        .order_by((metrics.c.scope != ESTIMATED), metrics.c.scope)
    )
    scores: dict[int, dict[str, MetricView]] = defaultdict(dict)
    for row in connection.execute(query):
        basis = "last snapshot, estimated" if row.scope == ESTIMATED else "last snapshot"
        view = MetricView(row.metric, row.value, basis, row.lower, row.upper)
        scores[row.snapshot_id][row.metric] = view
    return scores


def _held(database: Database, connection: Connection) -> frozenset[str]:
    """Return the pipelines whose lease has not expired."""
    query = select(leases.c.pipeline).where(
        leases.c.token.is_not(None), leases.c.expires_at > text(database.clock())
    )
    return frozenset(connection.execute(query).scalars())


def _to_view(
    row: Row[Any],
    counts: Mapping[str, int],
    scores: Mapping[str, MetricView],
    *,
    is_running: bool,
) -> PipelineView:
    breaker = read_breaker(row.breaker)
    last = None
    if row.decision is not None:
        last = LastOutcome(label(row.path, row.block), row.decision, row.at, row.is_drift)
    return PipelineView(
        name=row.name,
        kind=row.kind,
        health=_health(breaker, last, row.newest_state),
        champion=row.champion,
        champion_since=row.champion_since,
        counts={str(state): number for state, number in counts.items()},
        last=last,
        metric=_main_metric(row, scores),
        breaker=breaker.state,
        is_running=is_running,
    )


def label(path: str, block: str | None) -> str:
    """Name a snapshot: its path, with ``#block`` for a slice of a file."""
    return path if block is None else f"{path}#{block}"


def read_breaker(stored: str | None) -> BreakerView:
    """Read the breaker's state; an unreadable one is open."""
    if stored == _CLOSED:
        return BreakerView("closed", 0, 0, None)
    from calmops_flows.breaker import Breaker  # loads pydantic's models, which closed ones spare us

    breaker = Breaker.from_json(stored)
    until = breaker.open_until.isoformat() if breaker.open_until else None
    return BreakerView(breaker.state, breaker.failures, breaker.trips, until)


def _health(breaker: BreakerView, last: LastOutcome | None, newest_state: str | None) -> Health:
    if breaker.state == "open":
        return Health.CIRCUIT_OPEN
    if newest_state is None:
        return Health.NEW
    is_failing = breaker.failures > 0 or breaker.state == "half_open"
    if is_failing or newest_state == SnapshotState.QUARANTINED or last is None:
        return Health.DEGRADED
    if last.decision == DecisionKind.AWAITING_LABELS:
        return Health.AWAITING_LABELS
    is_settled = last.decision in {DecisionKind.TRAINED, DecisionKind.PROMOTED}
    return Health.DRIFT if last.is_drift and not is_settled else Health.HEALTHY


def _main_metric(row: Row[Any], scores: Mapping[str, MetricView]) -> MetricView | None:
    """Return the promotion metric on the last snapshot, else on the champion's holdout."""
    wanted = stored_json(row.spec)["evaluation"]["promotion"]["metric"]
    names = DEFAULT_METRICS if wanted is None else (wanted,)
    holdout = stored_json(row.champion_metrics) if row.champion_metrics else {}
    for name in names:
        if name in scores:
            return scores[name]
    return next((MetricView(n, holdout[n], "holdout") for n in names if n in holdout), None)
