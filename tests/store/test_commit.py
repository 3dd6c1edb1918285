from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import func, select

from calmops_flows.breaker import Breaker
from calmops_flows.errors import LeaseLostError, StaleRunError
from calmops_flows.records import (
    ColumnDrift,
    Comparison,
    Decision,
    DecisionKind,
    DriftReport,
    Evaluation,
    Rule,
    VersionStatus,
)
from calmops_flows.spec import PipelineSpec
from calmops_flows.store import Store, audit, ledger, outbox, registry, tables
from calmops_flows.store.commit import Commit, NewVersion, commit_snapshot
from calmops_flows.store.history import decision, drift_report, history
from calmops_flows.store.lease import Lease
from calmops_flows.store.ledger import Arrival
from calmops_flows.store.pipelines import apply_spec, load_state
from tests.store.conftest import NOW

D = "d" * 64
REPORT = DriftReport(
    is_drift=True,
    alpha=0.05,
    columns=(
        ColumnDrift("x", "numeric", "ks", 0.4, 1e-9, 2e-9, 0.7, True),
        ColumnDrift("x", "numeric", "missing_rate", None, None, None, None, None, "no missing"),
        ColumnDrift("z", "null", "ks", None, None, None, None, None, "all values missing"),
    ),
    reference_rows=100,
    current_rows=50,
)
DECISION = Decision(
    DecisionKind.PROMOTED,
    "drift in x; the challenger is better",
    rules=(Rule("accuracy", 0.9, 0.8, True),),
    comparison=Comparison("accuracy", 10, 0.7, 0.9, 0.2, 0.1, 0.3, 0.95),
    warnings=("careful",),
    cost_seconds={"ingest": 0.5},
)


def a_commit(store: Store, lease: Lease, content: str = "1", version: int | None = None) -> Commit:
    ledger.register(
        store.database,
        lease.pipeline,
        lease.token,
        [Arrival(f"file {content}", content * 64, 10, "s", 1)],
        process_duplicates=False,
        now=NOW,
    )
    snapshot = ledger.pending(store.database, lease.pipeline)[-1][0]
    new = (
        NewVersion(version, True, D, D, None, "full", D, {"accuracy": 0.9}, 1.5)
        if version
        else None
    )
    return Commit(
        snapshot=snapshot,
        started_from=load_state(store.database, lease.pipeline),
        decision=DECISION,
        rows=50,
        data_digest=D,
        profile_digest=D,
        breaker=Breaker.closed(),
        run_id=None,
        champion_scores=Evaluation(
            50, {"accuracy": 0.7, "roc_auc": None}, {"roc_auc": "one class"}
        ),
        challenger_scores=Evaluation(10, {"accuracy": 0.9}),
        drift=REPORT,
        reference_digest=D,
        contract='{"columns":[]}' if version == 1 else None,
        versions=(new,) if new else (),
        challenger=version,
        messages=(("calmops.model.promoted", {}),) if version else (),
    )


def count(store: Store, table: str) -> int:
    with store.database.read() as connection:
        found = connection.execute(select(func.count()).select_from(getattr(tables, table)))
        return int(found.scalar_one())


def test_commit_makes_everything_true_at_once(store: Store, lease: Lease) -> None:
    commit_snapshot(store.database, a_commit(store, lease, version=1), lease.token, now=NOW)

    (outcome,) = history(store.database, "flights")
    state = load_state(store.database, "flights")
    assert (outcome.state, outcome.decision, outcome.champion) == ("processed", "promoted", 1)
    assert outcome.metrics["champion"] == {"accuracy": 0.7, "roc_auc": None}
    assert outcome.metrics["challenger"] == {"accuracy": 0.9}
    assert outcome.drift.columns == ("x",)
    assert outcome.drift.untestable == {"z": "all values missing"}
    assert (state.champion, state.contract_version, state.revision) == (1, 1, 2)
    assert registry.version(store.database, "flights", 1).status is VersionStatus.CHAMPION


def test_decision_and_report_come_back_as_they_went_in(store: Store, lease: Lease) -> None:
    commit = a_commit(store, lease, version=1)
    commit_snapshot(store.database, commit, lease.token, now=NOW)

    assert decision(store.database, commit.snapshot.id) == DECISION
    assert drift_report(store.database, commit.snapshot.id) == REPORT


def test_old_champion_retires_when_a_new_one_is_promoted(store: Store, lease: Lease) -> None:
    commit_snapshot(store.database, a_commit(store, lease, "1", 1), lease.token, now=NOW)
    commit_snapshot(store.database, a_commit(store, lease, "2", 2), lease.token, now=NOW)

    found = registry.versions(store.database, "flights")
    assert [(v.version, v.status, v.parent) for v in found] == [
        (1, VersionStatus.RETIRED, None),
        (2, VersionStatus.CHAMPION, 1),
    ]


def test_observation_leaves_the_revision_alone(store: Store, lease: Lease) -> None:
    before = load_state(store.database, "flights").revision

    commit_snapshot(store.database, a_commit(store, lease), lease.token, now=NOW)

    assert load_state(store.database, "flights").revision == before


def test_lost_lease_writes_nothing(store: Store, lease: Lease) -> None:
    with pytest.raises(LeaseLostError, match="another worker"):
        commit_snapshot(store.database, a_commit(store, lease, version=1), "stale", now=NOW)

    assert [count(store, t) for t in ("outcomes", "model_versions", "metrics")] == [0, 0, 0]


def test_spec_applied_meanwhile_makes_the_run_stale(
    store: Store, lease: Lease, spec: PipelineSpec
) -> None:
    commit = a_commit(store, lease, version=1)
    apply_spec(store.database, spec.model_copy(update={"random_state": 7}), now=NOW)

    with pytest.raises(StaleRunError, match="revision 1 -> 2"):
        commit_snapshot(store.database, commit, lease.token, now=NOW)
    assert count(store, "outcomes") == 0


def test_snapshot_is_committed_once_only(store: Store, lease: Lease) -> None:
    commit = a_commit(store, lease)
    commit_snapshot(store.database, commit, lease.token, now=NOW)

    with pytest.raises(Exception, match=r"refused: .*(UNIQUE|unique)"):
        commit_snapshot(store.database, commit, lease.token, now=NOW)
    assert count(store, "outcomes") == 1
    assert count(store, "outbox") == 1


def test_failure_in_the_middle_of_the_transaction_leaves_nothing(
    store: Store, lease: Lease
) -> None:
    commit = replace(a_commit(store, lease, version=1), reference_digest=None)

    with pytest.raises(Exception, match="refused"):
        commit_snapshot(store.database, commit, lease.token, now=NOW)

    assert [count(store, t) for t in ("outcomes", "model_versions", "drift_results")] == [0, 0, 0]
    assert history(store.database, "flights")[0].state == "pending"


def test_messages_wait_until_acknowledged_under_stable_ids(store: Store, lease: Lease) -> None:
    commit_snapshot(store.database, a_commit(store, lease, version=1), lease.token, now=NOW)
    first = outbox.undelivered(store.database, "flights")

    outbox.record_failure(store.database, first, "server down")
    assert [m.id for m in outbox.undelivered(store.database, "flights")] == [m.id for m in first]
    outbox.acknowledge(store.database, first, sink="log", at="now")

    assert [m.kind for m in first] == ["calmops.snapshot.processed", "calmops.model.promoted"]
    assert outbox.undelivered(store.database, "flights") == []


def test_audit_chain_is_whole_and_an_edited_byte_breaks_it(store: Store, lease: Lease) -> None:
    for content in "123":
        commit_snapshot(store.database, a_commit(store, lease, content), lease.token, now=NOW)
    with store.database.read() as connection:
        assert audit.first_broken(connection, "flights") is None

    with store.database.engine.begin() as connection:
        row = tables.audit.c.position == 3
        old = connection.execute(select(tables.audit.c.payload).where(row)).scalar_one()
        connection.execute(
            tables.audit.update().where(row).values(payload=old.replace("drift", "Drift"))
        )

    with store.database.read() as connection:
        assert audit.first_broken(connection, "flights") == 3
