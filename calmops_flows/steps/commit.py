"""Put everything that was found about a snapshot into one record to commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from calmops_flows.breaker import Breaker
from calmops_flows.learning.serialise import manifest
from calmops_flows.records import Decision, DecisionKind, DriftReport, Rule
from calmops_flows.steps.check_drift import Profiled
from calmops_flows.steps.concept import Watched
from calmops_flows.steps.decide import Action, Plan
from calmops_flows.steps.evaluate import Champion, Scored
from calmops_flows.steps.export import export_messages
from calmops_flows.steps.ingest import Ingested
from calmops_flows.steps.learn import Learnt
from calmops_flows.steps.performance import Estimate
from calmops_flows.steps.run import SnapshotRun
from calmops_flows.store.commit import Commit, NewVersion, next_version
from calmops_flows.store.encoding import canonical_json

_WITHOUT_TRAINING = {
    Action.KEEP: DecisionKind.KEPT,
    Action.DEFER: DecisionKind.DEFERRED,
    Action.AWAIT_LABELS: DecisionKind.AWAITING_LABELS,
    Action.PREDICT: DecisionKind.PREDICTED,
}


@dataclass(frozen=True, slots=True)
class Findings:
    """What the steps found out about one snapshot."""

    ingested: Ingested
    profiled: Profiled
    drift: tuple[DriftReport, str] | None
    task: str
    champion: Champion | None
    scored: Scored | None
    plan: Plan
    learnt: Learnt | None
    watched: Watched | None = None
    estimate: Estimate | None = None


def assemble(run: SnapshotRun, found: Findings, cost_seconds: Mapping[str, float]) -> Commit:
    """Return the record that ``commit_snapshot`` writes in one transaction."""
    decision = _decision(found, cost_seconds)
    breaker = _breaker(run, found)
    judgement = found.learnt.judgement if found.learnt else None
    return Commit(
        snapshot=run.snapshot,
        started_from=run.state,
        decision=decision,
        rows=found.ingested.table.num_rows,
        data_digest=found.ingested.data_digest,
        profile_digest=found.profiled.digest,
        breaker=breaker,
        run_id=run.run_id,
        champion_scores=found.scored.evaluation if found.scored else None,
        challenger_scores=judgement.challenger if judgement else None,
        drift=found.drift[0] if found.drift else None,
        reference_digest=found.drift[1] if found.drift else None,
        contract=found.ingested.contract.to_json() if found.ingested.is_new_contract else None,
        version=_version(run, found),
        predictions=found.scored.artifact if found.scored else None,
        estimated_scores=found.estimate.scores if found.estimate else None,
        stream_state=_stream_state(found),
        messages=(
            *_messages(run, decision, breaker),
            *export_messages(run, found.ingested, found.scored),
        ),
    )


def _decision(found: Findings, cost_seconds: Mapping[str, float]) -> Decision:
    plan, learnt = found.plan, found.learnt
    kind, reason, rules = _kind(plan, learnt)
    warnings = list(found.ingested.warnings)
    if found.champion is not None:
        warnings.extend(found.champion.warnings)
    if learnt and learnt.challenger:
        warnings.extend(learnt.challenger.fitted.notes)
    if learnt and learnt.refitted:
        warnings.append(
            "the serving model was refitted on all rows; it has no holdout score of its own"
        )
    return Decision(
        kind=kind,
        reason=reason,
        rules=(*plan.rules, *rules),
        alternatives=_alternatives(kind),
        comparison=learnt.judgement.comparison if learnt and learnt.judgement else None,
        warnings=tuple(warnings),
        cost_seconds=dict(cost_seconds),
    )


def _kind(plan: Plan, learnt: Learnt | None) -> tuple[DecisionKind, str, tuple[Rule, ...]]:
    if learnt is None:
        return _WITHOUT_TRAINING[plan.action], plan.reason, ()
    if learnt.judgement is None:
        return DecisionKind.KEPT, f"retrain_failed: {learnt.failure}", ()
    judgement = learnt.judgement
    if not judgement.accepted:
        kind = DecisionKind.REJECTED
    else:
        kind = DecisionKind.TRAINED if plan.action is Action.TRAIN else DecisionKind.PROMOTED
    return kind, f"{plan.reason}; {judgement.reason}", judgement.rules


def _alternatives(kind: DecisionKind) -> tuple[str, ...]:
    others = {
        DecisionKind.KEPT: ("retrain",),
        DecisionKind.PROMOTED: ("keep the champion",),
        DecisionKind.REJECTED: ("promote the candidate by hand",),
        DecisionKind.DEFERRED: ("retrain once the breaker closes",),
    }
    return others.get(kind, ())


def _breaker(run: SnapshotRun, found: Findings) -> Breaker:
    """Count a failed fit, or a rejection while the champion fails, as a failure."""
    learnt = found.learnt
    if learnt is None:
        return run.state.breaker
    before = run.state.breaker.on_attempt(run.now)
    rejected = learnt.judgement is not None and not learnt.judgement.accepted
    if learnt.judgement is None or (rejected and _champion_fails(found)):
        return before.after_failure(run.spec.breaker, now=run.now)
    return before.after_success()


def _champion_fails(found: Findings) -> bool:
    """Tell whether the champion breaks a threshold; a missing one does, for nothing serves."""
    return found.champion is None or found.plan.champion_fails


def _stream_state(found: Findings) -> str | None:
    """Return the error stream's state; a new champion begins a new stream."""
    judgement = found.learnt.judgement if found.learnt else None
    if found.watched is None or (judgement is not None and judgement.accepted):
        return None
    return found.watched.state


def _version(run: SnapshotRun, found: Findings) -> NewVersion | None:
    learnt = found.learnt
    if learnt is None or learnt.challenger is None or learnt.judgement is None:
        return None
    fitted, refitted = learnt.challenger.fitted, learnt.refitted
    described = manifest(
        fitted,
        model=run.spec.model,
        contract=found.ingested.contract,
        task=found.task,
        snapshots=(run.snapshot.digest,),
        metrics=learnt.judgement.challenger.metrics,
        holdout=learnt.judgement.holdout,
    )
    if learnt.importance is not None:
        described["importance"] = learnt.importance
    return NewVersion(
        version=next_version(run.store.database, run.spec.name),
        is_champion=learnt.judgement.accepted,
        artifact=refitted.artifact if refitted else learnt.challenger.artifact,
        manifest=run.store.artifacts.put(canonical_json(described).encode()),
        judged_artifact=learnt.challenger.artifact if refitted else None,
        mode=fitted.mode,
        profile_digest=run.kind.trainer.taught(run, found.profiled, found.champion),
        metrics=learnt.judgement.challenger.metrics,
        fit_seconds=fitted.fit_seconds + (refitted.fit_seconds if refitted else 0.0),
    )


def _messages(
    run: SnapshotRun, decision: Decision, breaker: Breaker
) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    about = {"snapshot": run.snapshot.label, "digest": run.snapshot.digest}
    messages: list[tuple[str, Mapping[str, Any]]] = []
    if decision.kind in {DecisionKind.TRAINED, DecisionKind.PROMOTED}:
        messages.append(("calmops.model.promoted", {**about, "reason": decision.reason}))
    before = run.state.breaker.state
    if breaker.state != before and "open" in {breaker.state, before}:
        name = "opened" if breaker.state == "open" else "closed"
        messages.append((f"calmops.circuit.{name}", {**about, "failures": breaker.failures}))
    return tuple(messages)
