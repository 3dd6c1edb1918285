"""The one transaction of a snapshot: all of it becomes true, or none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from calmops_flows.breaker import Breaker
from calmops_flows.errors import StaleRunError
from calmops_flows.records import (
    Decision,
    DriftReport,
    Evaluation,
    Snapshot,
    SnapshotState,
    VersionStatus,
)
from calmops_flows.store import audit, outbox, tables
from calmops_flows.store.database import Database
from calmops_flows.store.encoding import canonical_json, finite, from_utc_text, utc_text
from calmops_flows.store.guard import check_token
from calmops_flows.store.labels import LabelFacts, write_labels
from calmops_flows.store.pipelines import PipelineState
from calmops_flows.store.tables import ESTIMATED, LEARNING


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A model that was fitted for this snapshot; its artifacts are written already."""

    version: int
    is_champion: bool
    artifact: str
    manifest: str
    judged_artifact: str | None
    mode: str
    profile_digest: str | None
    metrics: Mapping[str, float | None]
    fit_seconds: float
    golden: str | None = None


@dataclass(frozen=True, slots=True)
class Commit:
    """Everything that one transaction writes about one snapshot.

    ``started_from`` is the state that the run read before it worked; the
    transaction refuses to write over anything newer. Of ``versions`` at most one is champion;
    ``challenger`` is the number of the one that the outcome names; ``restored`` that of a retired
    version that serves again.
    """

    snapshot: Snapshot
    started_from: PipelineState
    decision: Decision
    rows: int
    data_digest: str | None
    profile_digest: str | None
    breaker: Breaker
    run_id: str | None
    champion_scores: Evaluation | None = None
    challenger_scores: Evaluation | None = None
    drift: DriftReport | None = None
    reference_digest: str | None = None
    contract: str | None = None
    versions: tuple[NewVersion, ...] = ()
    restored: int | None = None
    challenger: int | None = None
    predictions: str | None = None
    estimated_scores: Evaluation | None = None
    details: Evaluation | None = None
    stream_state: str | None = None
    reservoir: str | None = None
    labels: LabelFacts | None = None
    missing_share: float | None = None
    score_counts: str | None = None
    messages: tuple[tuple[str, Mapping[str, Any]], ...] = field(default=())


def next_version(database: Database, pipeline: str) -> int:
    """Return the number that a version fitted now will get."""
    versions = tables.model_versions
    query = select(func.max(versions.c.version)).where(versions.c.pipeline == pipeline)
    with database.read() as connection:
        return int(connection.execute(query).scalar() or 0) + 1


def commit_snapshot(database: Database, commit: Commit, token: str, *, now: datetime) -> None:
    """Write a snapshot's outcome with all that follows from it.

    Raises
    ------
    LeaseLostError
        If another worker holds the pipeline.
    StaleRunError
        If spec, champion, breaker or contract changed since the run started.
    """
    with database.write("commit.snapshot") as connection:
        _check_unchanged(connection, commit, token)
        at = _next_time(connection, commit.snapshot.pipeline, now)
        _write_snapshot(connection, commit)
        champion = _write_versions(connection, commit, at)
        _write_outcome(connection, commit, champion, at)
        _write_scores(connection, commit)
        _write_drift(connection, commit)
        if commit.labels is not None:
            write_labels(connection, commit.snapshot.id, commit.labels, at)
        _write_pipeline(connection, commit, champion, at)
        _write_told(connection, commit, champion, at)


def _next_time(connection: Connection, pipeline: str, now: datetime) -> str:
    """Return the outcome's time, after that of the outcome before it: clocks jump.

    Windows, past data and replays follow this order.
    """
    query = select(func.max(tables.outcomes.c.at)).where(tables.outcomes.c.pipeline == pipeline)
    last = connection.execute(query).scalar()
    if last is None or utc_text(now) > last:
        return utc_text(now)
    return utc_text(from_utc_text(last) + timedelta(microseconds=1))


def _check_unchanged(connection: Connection, commit: Commit, token: str) -> None:
    name, start = commit.snapshot.pipeline, commit.started_from
    row = check_token(connection, name, token)
    if (row.revision, row.champion) != (start.revision, start.champion):
        raise StaleRunError(
            f"pipeline {name!r} changed while {commit.snapshot.label!r} was processed (revision "
            f"{start.revision} -> {row.revision}, champion {start.champion} -> {row.champion}); "
            "nothing was written"
        )


def _write_snapshot(connection: Connection, commit: Commit) -> None:
    connection.execute(
        update(tables.snapshots)
        .where(tables.snapshots.c.id == commit.snapshot.id)
        .values(
            state=SnapshotState.PROCESSED,
            reason=None,
            rows=commit.rows,
            data_digest=commit.data_digest,
            profile_digest=commit.profile_digest,
            missing_share=commit.missing_share,
        )
    )


def _write_versions(connection: Connection, commit: Commit, at: str) -> int | None:
    """Enter the new versions, and return the champion that serves from now on."""
    name, parent = commit.snapshot.pipeline, commit.started_from.champion
    rows = [
        {
            "pipeline": name,
            "version": new.version,
            "status": VersionStatus.CHAMPION if new.is_champion else VersionStatus.CANDIDATE,
            "artifact": new.artifact,
            "manifest": new.manifest,
            "judged_artifact": new.judged_artifact,
            "golden": new.golden,
            "mode": new.mode,
            "parent": parent,
            "snapshot_id": commit.snapshot.id,
            "profile_digest": new.profile_digest,
            "metrics": canonical_json(new.metrics),
            "fit_seconds": new.fit_seconds,
            "created_at": at,
        }
        for new in commit.versions
    ]
    if rows:
        connection.execute(insert(tables.model_versions), rows)
    champion = next((new.version for new in commit.versions if new.is_champion), parent)
    if commit.restored is not None:
        champion = commit.restored
        _set_status(connection, name, champion, VersionStatus.CHAMPION)
    if parent not in {None, champion}:
        _set_status(connection, name, parent, VersionStatus.RETIRED)
    return champion


def _set_status(
    connection: Connection, pipeline: str, version: int | None, status: VersionStatus
) -> None:
    versions = tables.model_versions
    connection.execute(
        update(versions)
        .where(versions.c.pipeline == pipeline, versions.c.version == version)
        .values(status=status)
    )


def _write_outcome(connection: Connection, commit: Commit, champion: int | None, at: str) -> None:
    connection.execute(
        insert(tables.outcomes).values(
            snapshot_id=commit.snapshot.id,
            pipeline=commit.snapshot.pipeline,
            decision=commit.decision.kind,
            reason=commit.decision.reason,
            champion=champion,
            challenger=commit.challenger,
            rows=commit.rows,
            is_drift=commit.drift.is_drift if commit.drift else None,
            alpha=commit.drift.alpha if commit.drift else None,
            spec_revision=commit.started_from.spec_revision,
            run_id=commit.run_id,
            stream_state=commit.stream_state,
            at=at,
        )
    )
    record = canonical_json(commit.decision.to_dict())
    connection.execute(
        insert(tables.decisions).values(snapshot_id=commit.snapshot.id, record=record)
    )
    if commit.predictions is not None:
        connection.execute(
            insert(tables.predictions).values(
                snapshot_id=commit.snapshot.id,
                version=commit.started_from.champion,
                artifact=commit.predictions,
                rows=commit.rows,
            )
        )


_NO_BOUNDS = (None, None)


def _write_scores(connection: Connection, commit: Commit) -> None:
    scored = (
        ("champion", "snapshot", commit.champion_scores),
        ("champion", ESTIMATED, commit.estimated_scores),
        ("challenger", "holdout", commit.challenger_scores),
        ("challenger", LEARNING, commit.details),
    )
    rows = [
        {
            "snapshot_id": commit.snapshot.id,
            "role": role,
            "scope": scope,
            "metric": metric,
            "value": finite(value),
            "lower": finite(scores.bounds.get(metric, _NO_BOUNDS)[0]),
            "upper": finite(scores.bounds.get(metric, _NO_BOUNDS)[1]),
            "note": scores.notes.get(metric),
        }
        for role, scope, scores in scored
        if scores is not None
        for metric, value in scores.metrics.items()
    ]
    if rows:
        connection.execute(insert(tables.metrics), rows)
    if commit.score_counts is not None:
        connection.execute(
            insert(tables.score_counts).values(
                snapshot_id=commit.snapshot.id, counts=commit.score_counts
            )
        )


def _write_drift(connection: Connection, commit: Commit) -> None:
    report = commit.drift
    if report is None:
        return
    connection.execute(
        insert(tables.drift_reports).values(
            snapshot_id=commit.snapshot.id,
            is_drift=report.is_drift,
            alpha=report.alpha,
            reference_digest=commit.reference_digest,
            reference_rows=report.reference_rows,
            current_rows=report.current_rows,
            notes=canonical_json(report.notes),
        )
    )
    tests = [*report.columns, *([report.multivariate] if report.multivariate else [])]
    rows = [
        {
            "snapshot_id": commit.snapshot.id,
            "position": position,
            "column": test.name,
            "kind": test.kind,
            "detector": test.detector,
            "statistic": finite(test.statistic),
            "p_value": finite(test.p_value),
            "adjusted_p_value": finite(test.adjusted_p_value),
            "effect_size": finite(test.effect_size),
            "is_drift": test.is_drift,
            "reason": test.reason,
        }
        for position, test in enumerate(tests)
    ]
    if rows:
        connection.execute(insert(tables.drift_results), rows)


def _write_pipeline(connection: Connection, commit: Commit, champion: int | None, at: str) -> None:
    """Move champion, breaker and contract; ``revision`` rises when one of them moved."""
    start, name = commit.started_from, commit.snapshot.pipeline
    values: dict[str, Any] = {}
    if champion != start.champion:
        values["champion"] = champion
    if commit.breaker != start.breaker:
        values["breaker"] = commit.breaker.to_json()
    if commit.contract is not None:
        version = (start.contract_version or 0) + 1
        values["contract_version"] = version
        connection.execute(
            insert(tables.contracts).values(
                pipeline=name,
                version=version,
                contract=commit.contract,
                snapshot_id=commit.snapshot.id,
                at=at,
            )
        )
    if values:
        values["revision"] = start.revision + 1
    if commit.reservoir is not None:
        values["reservoir"] = commit.reservoir
    if values:
        connection.execute(
            update(tables.pipelines).where(tables.pipelines.c.name == name).values(values)
        )


def _write_told(connection: Connection, commit: Commit, champion: int | None, at: str) -> None:
    snapshot, name = commit.snapshot, commit.snapshot.pipeline
    payload: dict[str, Any] = {
        "snapshot": snapshot.label,
        "digest": snapshot.digest,
        "decision": commit.decision.kind,
        "reason": commit.decision.reason,
        "champion": champion,
        "challenger": commit.challenger,
        "is_drift": commit.drift.is_drift if commit.drift else None,
    }
    if commit.decision.makes_good:
        payload["makes_good"] = list(commit.decision.makes_good)
    artifacts = {str(new.version): new.artifact for new in commit.versions}
    audit.append(connection, name, "processed", {**payload, "artifacts": artifacts}, at=at)
    messages = (("calmops.snapshot.processed", payload), *commit.messages)
    for kind, content in messages:
        key = f"{snapshot.sequence}/{snapshot.digest}"
        outbox.enqueue(connection, name, kind, content, key=key, at=at)
