"""Fill a store with pipelines that have a past, by direct inserts."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert

from calmops_flows.breaker import Breaker
from calmops_flows.records import Comparison, Decision, DecisionKind, Rule
from calmops_flows.spec import dump_spec, parse_spec
from calmops_flows.store import tables
from calmops_flows.store.encoding import canonical_json, utc_text

if TYPE_CHECKING:
    from calmops_flows.store.store import Store

START = datetime(2024, 1, 1, tzinfo=UTC)
METRICS = (
    "accuracy",
    "balanced_accuracy",
    "f1",
    "log_loss",
    "mcc",
    "precision",
    "recall",
    "roc_auc",
)
N_COLUMNS = 10
TRAINED_EVERY = 50
Rows = list[dict[str, Any]]


def seed(store: Store, *, n_pipelines: int, n_snapshots: int, n_columns: int = N_COLUMNS) -> None:
    """Insert pipelines whose snapshots are all processed."""
    with store.database.engine.begin() as connection:
        for number in range(n_pipelines):
            filled = _pipeline(
                f"pipeline-{number:03}", number * n_snapshots, n_snapshots, n_columns
            )
            for name, rows in filled.items():
                connection.execute(insert(tables.metadata.tables[name]), rows)


def _pipeline(name: str, offset: int, n_snapshots: int, n_columns: int) -> dict[str, Rows]:
    spec = {
        "name": name,
        "target": "label",
        "source": {"path": f"arrivals/{name}"},
        "model": {"class": "sklearn.linear_model.LogisticRegression"},
    }
    text, at = dump_spec(parse_spec(spec)), utc_text(START)
    rows: dict[str, Rows] = {
        "pipelines": [_head(name, text, n_snapshots)],
        "spec_revisions": [{"pipeline": name, "spec_revision": 1, "spec": text, "at": at}],
        "leases": [{"pipeline": name, "wake": 0}],
    }
    for number in range(n_snapshots):
        for table, more in _snapshot(name, offset + number + 1, number, n_columns).items():
            rows.setdefault(table, []).extend(more)
    return rows


def _head(name: str, text: str, n_snapshots: int) -> dict[str, Any]:
    return {
        "name": name,
        "kind": "stream",
        "spec": text,
        "revision": n_snapshots,
        "spec_revision": 1,
        "champion": (n_snapshots - 1) // TRAINED_EVERY + 1,
        "contract_version": None,
        "breaker": Breaker.closed().to_json(),
        "created_at": utc_text(START),
    }


def _snapshot(name: str, key: int, number: int, n_columns: int) -> dict[str, Rows]:
    at = utc_text(START + timedelta(hours=number))
    digest = hashlib.sha256(f"{name}/{number}".encode()).hexdigest()
    version, is_trained = number // TRAINED_EVERY + 1, number % TRAINED_EVERY == 0
    path = f"part-{number:05}.parquet"
    decision = _decision(is_trained=is_trained)
    mine = {"snapshot_id": key}
    found: dict[str, Rows] = {
        "snapshots": [_entry(name, key, number, path, digest, at)],
        "files": [{"pipeline": name, "path": path, "stamp_key": number, "digest": digest, **mine}],
        "outcomes": [
            {
                **mine,
                "pipeline": name,
                "decision": decision.kind,
                "reason": decision.reason,
                "champion": version,
                "challenger": version if is_trained else None,
                "rows": 1000,
                "is_drift": is_trained,
                "alpha": 0.05,
                "spec_revision": 1,
                "run_id": None,
                "at": at,
            }
        ],
        "decisions": [{**mine, "record": canonical_json(decision.to_dict())}],
        "metrics": _scores(key),
        "drift_reports": [_drift_report(key, digest)],
        "drift_results": _drift_results(key, n_columns),
        "outbox": [_message(name, number, digest, at)],
    }
    if is_trained:
        found["model_versions"] = [_version(name, key, version, digest, at)]
    return found


def _entry(name: str, key: int, number: int, path: str, digest: str, at: str) -> dict[str, Any]:
    return {
        "id": key,
        "pipeline": name,
        "sequence": number + 1,
        "path": path,
        "role": "data",
        "digest": digest,
        "copy": 0,
        "state": "processed",
        "attempts": 1,
        "size_bytes": 100_000,
        "stamp": str(number),
        "rows": 1000,
        "data_digest": digest,
        "profile_digest": digest,
        "missing_share": 0.01,
        "discovered_at": at,
    }


def _decision(*, is_trained: bool) -> Decision:
    kind = DecisionKind.PROMOTED if is_trained else DecisionKind.KEPT
    comparison = Comparison("balanced_accuracy", 200, 0.8, 0.85, 0.05, 0.01, 0.09, 0.95)
    return Decision(
        kind=kind,
        reason="drift in x1, x2; the challenger is better" if is_trained else "no drift",
        rules=(Rule("data drift", "0 columns", "alpha 0.05", not is_trained),),
        alternatives=("retrain",),
        comparison=comparison if is_trained else None,
        cost_seconds={"ingest": 0.01, "profile": 0.01, "check_drift": 0.01, "evaluate": 0.01},
    )


def _scores(key: int) -> Rows:
    return [
        {
            "snapshot_id": key,
            "role": "champion",
            "scope": "snapshot",
            "metric": m,
            "value": 0.8 - key % 9 / 100,
        }
        for m in METRICS
    ]


def _drift_report(key: int, digest: str) -> dict[str, Any]:
    return {
        "snapshot_id": key,
        "is_drift": False,
        "alpha": 0.05,
        "reference_digest": digest,
        "reference_rows": 1000,
        "current_rows": 1000,
        "notes": canonical_json([]),
    }


def _drift_results(key: int, n_columns: int) -> Rows:
    return [
        {
            "snapshot_id": key,
            "position": position,
            "column": f"x{position}",
            "kind": "numeric",
            "detector": "ks",
            "statistic": 0.02,
            "p_value": 0.4,
            "adjusted_p_value": 1.0,
            "effect_size": (key * 7 + position * 13) % 100 / 100,
            "is_drift": (key * 7 + position * 13) % 100 > 97,
        }
        for position in range(n_columns)
    ]


def _message(name: str, number: int, digest: str, at: str) -> dict[str, Any]:
    return {
        "id": hashlib.md5(digest.encode(), usedforsecurity=False).hexdigest(),
        "pipeline": name,
        "position": number,
        "kind": "calmops.snapshot.processed",
        "payload": "{}",
        "created_at": at,
        "delivered_at": at,
        "delivered_to": "log",
        "attempts": 1,
    }


def _version(name: str, key: int, version: int, digest: str, at: str) -> dict[str, Any]:
    return {
        "pipeline": name,
        "version": version,
        "status": "retired",
        "artifact": digest,
        "manifest": digest,
        "mode": "full",
        "parent": version - 1 or None,
        "snapshot_id": key,
        "profile_digest": digest,
        "metrics": canonical_json({"balanced_accuracy": 0.8}),
        "fit_seconds": 0.1,
        "created_at": at,
    }
