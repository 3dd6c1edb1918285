"""A store with a history in it, written by the store's own transactions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from calmops_flows.breaker import Breaker
from calmops_flows.records import (
    ColumnDrift,
    Comparison,
    Decision,
    DecisionKind,
    DriftReport,
    Evaluation,
    Rule,
    Snapshot,
)
from calmops_flows.spec import PipelineSpec, parse_spec
from calmops_flows.store import Store, ledger
from calmops_flows.store.commit import Commit, NewVersion, commit_snapshot, next_version
from calmops_flows.store.lease import Lease, acquire
from calmops_flows.store.ledger import Arrival
from calmops_flows.store.pipelines import apply_spec, load_state

NOW = datetime(2013, 1, 31, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
D = "d" * 64
CONTRACT = '{"columns":[{"name":"temp","required":true,"type":"float"}]}'
COMPARISON = Comparison("balanced_accuracy", 400, 0.70, 0.75, 0.05, 0.02, 0.08, 0.95)
SCORES = Evaluation(1000, {"accuracy": 0.8, "balanced_accuracy": 0.7})


def a_spec(name: str = "flights", **more: object) -> PipelineSpec:
    values = {
        "name": name,
        "target": "late",
        "source": {"path": "arrivals"},
        "model": {"class": "sklearn.linear_model.LogisticRegression"},
        **more,
    }
    return parse_spec(values)


def a_report(is_drift: bool | None) -> DriftReport:
    return DriftReport(
        is_drift=is_drift,
        alpha=0.05,
        columns=(
            ColumnDrift("temp", "numeric", "ks", 0.4, 1e-9, 2e-9, 0.7, is_drift),
            ColumnDrift("wind", "numeric", "ks", None, None, None, None, None, "all missing"),
        ),
        reference_rows=2000,
        current_rows=1000,
    )


@dataclass
class Seed:
    """Writes snapshots of one pipeline, an hour apart."""

    store: Store
    name: str = "flights"
    spec: Mapping[str, Any] = field(default_factory=dict)
    hours: int = 0
    lease: Lease = field(init=False)

    def __post_init__(self) -> None:
        apply_spec(self.store.database, a_spec(self.name, **self.spec), now=NOW)
        lease = acquire(self.store.database, self.name, seconds=30)
        assert lease is not None
        self.lease = lease

    @property
    def now(self) -> datetime:
        return NOW + self.hours * HOUR

    def arrive(self, path: str, content: str | None = None) -> Snapshot | None:
        """Enter a file; return the pending snapshot, None for a duplicate."""
        self.hours += 1
        digest = (content or f"{self.hours:x}").ljust(64, "0")
        ledger.register(
            self.store.database,
            self.name,
            self.lease.token,
            [Arrival(path, digest, 10, "s", self.hours)],
            process_duplicates=False,
            now=self.now,
        )
        found = [s for s, _ in ledger.pending(self.store.database, self.name) if s.path == path]
        return found[-1] if found else None

    def process(
        self,
        path: str,
        decision: DecisionKind = DecisionKind.KEPT,
        *,
        is_drift: bool | None = False,
        breaker: Breaker | None = None,
        champion_scores: Evaluation | None = SCORES,
        report: DriftReport | None = None,
        warnings: tuple[str, ...] = (),
        content: str | None = None,
        circuit: str | None = None,
    ) -> Snapshot:
        """Commit one snapshot with its decision."""
        snapshot = self.arrive(path, content)
        assert snapshot is not None
        start = load_state(self.store.database, self.name)
        version = self._version(decision)
        is_first = decision is DecisionKind.TRAINED
        learns = decision in {DecisionKind.TRAINED, DecisionKind.PROMOTED, DecisionKind.REJECTED}
        commit = Commit(
            snapshot=snapshot,
            started_from=start,
            decision=Decision(
                decision,
                "drift in temp" if is_drift else "no drift",
                rules=(
                    Rule("no data drift", "1 drifted columns", "none at alpha 0.05", not is_drift),
                ),
                alternatives=("retrain",),
                comparison=COMPARISON if learns and not is_first else None,
                warnings=warnings,
                cost_seconds={"retrain": 1.5},
            ),
            rows=1000,
            data_digest=D,
            profile_digest=D,
            breaker=breaker or start.breaker,
            run_id="run-1",
            champion_scores=None if is_first else champion_scores,
            challenger_scores=Evaluation(400, {"balanced_accuracy": 0.75}) if learns else None,
            drift=None if is_first else report or a_report(is_drift),
            reference_digest=D,
            contract='{"columns":[{"name":"temp","required":true,"type":"float"}]}'
            if is_first
            else None,
            versions=(version,) if learns else (),
            challenger=version.version if learns else None,
            messages=((f"calmops.circuit.{circuit}", {"digest": snapshot.digest, "failures": 3}),)
            if circuit
            else (),
        )
        commit_snapshot(self.store.database, commit, self.lease.token, now=self.now)
        return snapshot

    def _version(self, decision: DecisionKind) -> NewVersion:
        return NewVersion(
            version=next_version(self.store.database, self.name),
            is_champion=decision is not DecisionKind.REJECTED,
            artifact=D,
            manifest=D,
            judged_artifact=None,
            mode="full",
            profile_digest=D,
            metrics={"balanced_accuracy": 0.75},
            fit_seconds=1.5,
        )

    def quarantine(self, path: str, reason: str = "csv_cut: the last row is cut") -> None:
        snapshot = self.arrive(path)
        assert snapshot is not None
        ledger.quarantine(self.store.database, snapshot, self.lease.token, reason, now=self.now)

    def end(self) -> None:
        """Give the lease back."""
        assert self.lease.release(self.lease.wake_count())


def a_year(store: Store) -> Seed:
    """Seed one pipeline with a bit of everything."""
    seed = Seed(store)
    seed.process("m01.csv", DecisionKind.TRAINED)
    seed.process("m02.csv")
    seed.process("m03.csv", DecisionKind.PROMOTED, is_drift=True)
    seed.process("m04.csv", DecisionKind.REJECTED, is_drift=True)
    seed.quarantine("m05.csv")
    assert seed.arrive("copy.csv", "1") is None
    seed.process(
        "m06.csv", champion_scores=Evaluation(9, {"accuracy": None}, {"accuracy": "one class"})
    )
    seed.arrive("m07.csv")
    seed.end()
    return seed


def files(root: Path) -> dict[str, bytes]:
    """Return every file under a folder with its bytes, to see that nothing was written."""
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}
