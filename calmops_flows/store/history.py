"""What was decided about each snapshot, read back as records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row, select

from calmops_flows.errors import StoreError
from calmops_flows.records import (
    Attempt,
    ColumnDrift,
    Comparison,
    Decision,
    DecisionKind,
    DriftReport,
    DriftSummary,
    ErrorBudget,
    Outcome,
    Rule,
)
from calmops_flows.store.database import Database
from calmops_flows.store.encoding import stored_json
from calmops_flows.store.tables import (
    ESTIMATED,
    LEARNING,
    REALISED,
    decisions,
    drift_reports,
    drift_results,
    metrics,
    outcomes,
    snapshots,
)

Scores = dict[str, dict[str, float | None] | None]
JOINT = "*"  # stands for the joint test where the others name their column
_CHUNK = 500  # ids in one query; databases limit the number of parameters


def history(
    database: Database, pipeline: str, *, ids: Iterable[int] | None = None, last: int | None = None
) -> list[Outcome]:
    """Return one Outcome per snapshot in ledger order, decided or not.

    Parameters
    ----------
    database : Database
        The store's database.
    pipeline : str
        Name of the pipeline.
    ids : iterable of int, optional
        Only these snapshots.
    last : int, optional
        Only the newest so many.
    """
    query = (
        select(
            snapshots,
            outcomes.c.decision,
            outcomes.c.reason.label("why"),
            outcomes.c.champion,
            outcomes.c.challenger,
            outcomes.c.is_drift,
            outcomes.c.alpha,
            outcomes.c.at,
            outcomes.c.run_id,
        )
        .outerjoin(outcomes, outcomes.c.snapshot_id == snapshots.c.id)
        .where(snapshots.c.pipeline == pipeline)
        .order_by(snapshots.c.sequence.desc())
        .limit(last)
    )
    if ids is not None:
        query = query.where(snapshots.c.id.in_(list(ids)))
    with database.read() as connection:
        rows = connection.execute(query).all()[::-1]
        decided = [row.id for row in rows if row.decision is not None]
        scores = _scores(connection, decided)
        tests = _drift_rows(connection, decided)
    return [_to_outcome(row, scores.get(row.id), tests.get(row.id, [])) for row in rows]


def _to_outcome(row: Row[Any], scores: Scores | None, tests: list[Row[Any]]) -> Outcome:
    drift = DriftSummary(is_drift=None, alpha=None)
    if row.alpha is not None:
        alone = [test for test in tests if test.column != JOINT]
        report = DriftReport(row.is_drift, row.alpha, tuple(map(_to_column, alone)), 0, 0)
        drift = DriftSummary(row.is_drift, row.alpha, report.drifted, report.untestable)
    return Outcome(
        snapshot=row.path if row.block is None else f"{row.path}#{row.block}",
        digest=row.digest,
        state=row.state,
        reason=row.why if row.decision is not None else row.reason,
        decision=row.decision,
        champion=row.champion,
        challenger=row.challenger,
        metrics=scores or {"champion": None, "challenger": None},
        drift=drift,
        rows=row.rows,
        at=row.at,
        run_id=row.run_id,
    )


def _scores(connection: Connection, ids: list[int]) -> dict[int, Scores]:
    found: dict[int, Scores] = defaultdict(lambda: {"champion": None, "challenger": None})
    for chunk in _chunks(ids):
        rows = connection.execute(
            select(metrics)
            .where(
                metrics.c.snapshot_id.in_(chunk),
                metrics.c.scope.not_in((ESTIMATED, LEARNING, REALISED)),
            )
            .order_by(metrics.c.metric)
        )
        for row in rows:
            scores = found[row.snapshot_id][row.role] or {}
            scores[row.metric] = row.value
            found[row.snapshot_id][row.role] = scores
    return found


def _drift_rows(connection: Connection, ids: list[int]) -> dict[int, list[Row[Any]]]:
    found: dict[int, list[Row[Any]]] = defaultdict(list)
    for chunk in _chunks(ids):
        rows = connection.execute(
            select(drift_results)
            .where(drift_results.c.snapshot_id.in_(chunk))
            .order_by(drift_results.c.snapshot_id, drift_results.c.position)
        )
        for row in rows:
            found[row.snapshot_id].append(row)
    return found


def _chunks(ids: list[int]) -> Iterable[list[int]]:
    return (ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK))


def _to_column(row: Row[Any]) -> ColumnDrift:
    return ColumnDrift(
        name=row.column,
        kind=row.kind,
        detector=row.detector,
        statistic=row.statistic,
        p_value=row.p_value,
        adjusted_p_value=row.adjusted_p_value,
        effect_size=row.effect_size,
        is_drift=row.is_drift,
        reason=row.reason,
    )


def drift_report(database: Database, snapshot_id: int) -> DriftReport | None:
    """Return the drift report of a snapshot, None when none was made."""
    with database.read() as connection:
        head = connection.execute(
            select(drift_reports).where(drift_reports.c.snapshot_id == snapshot_id)
        ).first()
        rows = _drift_rows(connection, [snapshot_id])[snapshot_id]
    if head is None:
        return None
    tests = [_to_column(row) for row in rows]
    joint = next((test for test in tests if test.name == JOINT), None)
    return DriftReport(
        is_drift=head.is_drift,
        alpha=head.alpha,
        columns=tuple(test for test in tests if test is not joint),
        reference_rows=head.reference_rows,
        current_rows=head.current_rows,
        multivariate=joint,
        notes=tuple(stored_json(head.notes)),
    )


def learning_details(database: Database, snapshot_id: int) -> dict[str, float | None]:
    """Return the quantities of the model that was fitted for a snapshot, by name."""
    query = (
        select(metrics.c.metric, metrics.c.value)
        .where(metrics.c.snapshot_id == snapshot_id, metrics.c.scope == LEARNING)
        .order_by(metrics.c.metric)
    )
    with database.read() as connection:
        return {row.metric: row.value for row in connection.execute(query)}


def decision(database: Database, snapshot_id: int) -> Decision | None:
    """Return the decision record of a snapshot, None when it was not decided.

    Raises
    ------
    StoreError
        If the record is damaged.
    """
    query = select(decisions.c.record).where(decisions.c.snapshot_id == snapshot_id)
    with database.read() as connection:
        text = connection.execute(query).scalar()
    if text is None:
        return None
    try:
        return _to_decision(stored_json(text))
    except (ValueError, KeyError, TypeError) as err:
        raise StoreError(
            f"the decision record of snapshot {snapshot_id} is damaged ({err}); see `calmops fsck`"
        ) from err


def _to_decision(values: dict[str, Any]) -> Decision:
    budget = values["error_budget"]
    return Decision(
        kind=DecisionKind(values["kind"]),
        reason=values["reason"],
        rules=_rules(values),
        alternatives=tuple(values["alternatives"]),
        comparison=_comparison(values),
        warnings=tuple(values["warnings"]),
        cost_seconds=values["cost_seconds"],
        attempts=tuple(
            Attempt(**{**tried, "rules": _rules(tried), "comparison": _comparison(tried)})
            for tried in values["attempts"]
        ),
        error_budget=ErrorBudget(**budget) if budget else None,
        makes_good=tuple(values["makes_good"]),
    )


def _rules(values: dict[str, Any]) -> tuple[Rule, ...]:
    return tuple(Rule(**rule) for rule in values["rules"])


def _comparison(values: dict[str, Any]) -> Comparison | None:
    return Comparison(**values["comparison"]) if values["comparison"] else None
