"""Put everything that was found about a snapshot into one record to commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from calmops_flows.breaker import Breaker
from calmops_flows.evaluation.promotion import PROMOTION_RULES
from calmops_flows.profiles import Profile
from calmops_flows.records import (
    Attempt,
    Decision,
    DecisionKind,
    DriftReport,
    ErrorBudget,
    Evaluation,
    Role,
    Rule,
)
from calmops_flows.steps.check_drift import Profiled
from calmops_flows.steps.concept import Watched
from calmops_flows.steps.decide import Action, Plan
from calmops_flows.steps.evaluate import Champion, Scored
from calmops_flows.steps.export import export_messages
from calmops_flows.steps.ingest import Ingested
from calmops_flows.steps.learn import Learnt
from calmops_flows.steps.performance import Estimate
from calmops_flows.steps.run import SnapshotRun
from calmops_flows.steps.versions import attempts, new_versions, restored
from calmops_flows.store.catch_up import FAILED
from calmops_flows.store.commit import Commit, NewVersion
from calmops_flows.store.labels import LabelFacts

_WITHOUT_TRAINING = {
    Action.KEEP: DecisionKind.KEPT,
    Action.DEFER: DecisionKind.DEFERRED,
    Action.AWAIT_LABELS: DecisionKind.AWAITING_LABELS,
    Action.PREDICT: DecisionKind.PREDICTED,
}


# The rules that bound the chance of a false promotion, which the tries share.
_SHARING = {name for name, rule in PROMOTION_RULES.items() if rule.bounds_promotion} | {
    "non_inferior"
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
    reservoir: str | None = None
    labels: LabelFacts | None = None
    makes_good: tuple[str, ...] = ()


def assemble(run: SnapshotRun, found: Findings, cost_seconds: Mapping[str, float]) -> Commit:
    """Return the record that ``commit_snapshot`` writes in one transaction."""
    breaker = _breaker(run, found)
    versions = _versions(run, found)
    tried = attempts(found.learnt, versions)
    decision = _decision(run, found, tried, cost_seconds)
    judgement = found.learnt.shown.judgement if found.learnt else None
    is_again = run.snapshot.role is Role.CATCH_UP  # copy and predictions stand with the first time
    names_one = found.learnt is not None and bool(found.learnt.is_accepted or found.learnt.fits)
    return Commit(
        snapshot=run.snapshot,
        started_from=run.state,
        decision=decision,
        rows=found.ingested.table.num_rows,
        data_digest=None if is_again else found.ingested.data_digest,
        profile_digest=found.profiled.digest,
        breaker=breaker,
        run_id=run.run_id,
        champion_scores=found.scored.evaluation if found.scored else None,
        challenger_scores=judgement.challenger if judgement and names_one else None,
        drift=found.drift[0] if found.drift else None,
        reference_digest=found.drift[1] if found.drift else None,
        contract=found.ingested.contract.to_json() if found.ingested.is_new_contract else None,
        versions=tuple(version for version in versions if version is not None),
        restored=restored(found.learnt),
        challenger=_challenger(found.learnt, tried),
        predictions=found.scored.artifact if found.scored and not is_again else None,
        estimated_scores=found.estimate.scores if found.estimate else None,
        details=_details(found),
        stream_state=_stream_state(found),
        reservoir=found.reservoir,
        labels=found.labels,
        missing_share=_missing_share(found.profiled.profile),
        score_counts=found.scored.counts if found.scored else None,
        messages=(
            *_messages(run, found, decision, breaker),
            *export_messages(run, found.ingested, found.scored),
        ),
    )


def _missing_share(profile: Profile) -> float | None:
    """Return the share of cells without a value; None without any cell."""
    cells = sum(column.n for column in profile.columns.values())
    missing = sum(column.n_missing for column in profile.columns.values())
    return missing / cells if cells else None


def _details(found: Findings) -> Evaluation | None:
    """Return the quantities of the model that was fitted, such as the size of an ensemble."""
    challenger = found.learnt.shown.challenger if found.learnt else None
    if challenger is None or not challenger.fitted.details:
        return None
    return Evaluation(challenger.fitted.rows, challenger.fitted.details)


def _decision(
    run: SnapshotRun,
    found: Findings,
    tried: tuple[Attempt, ...],
    cost_seconds: Mapping[str, float],
) -> Decision:
    learnt = found.learnt
    kind, reason, rules = _kind(found.plan, learnt)
    shown = learnt.shown if learnt else None
    alpha = 1.0 - run.spec.evaluation.promotion.confidence
    is_shared = any(rule.name in _SHARING for attempt in tried for rule in attempt.rules)
    return Decision(
        kind=kind,
        reason=reason,
        rules=(*found.plan.rules, *rules),
        alternatives=_alternatives(kind),
        comparison=shown.judgement.comparison if shown and shown.judgement else None,
        warnings=_warnings(found),
        cost_seconds=dict(cost_seconds),
        attempts=tried,
        error_budget=ErrorBudget(alpha, learnt.n_tries) if learnt and is_shared else None,
        makes_good=() if reason.startswith(FAILED) else found.makes_good,
    )


def _warnings(found: Findings) -> tuple[str, ...]:
    warnings = list(found.ingested.warnings)
    if found.champion is not None:
        warnings.extend(found.champion.warnings)
    for tried in found.learnt.tried if found.learnt else ():
        warnings.extend(tried.challenger.fitted.notes if tried.challenger else ())
        if tried.refitted:
            warnings.append(
                "the serving model was refitted on all rows; it has no holdout score of its own"
            )
    return tuple(dict.fromkeys(warnings))


def _kind(plan: Plan, learnt: Learnt | None) -> tuple[DecisionKind, str, tuple[Rule, ...]]:
    if learnt is None:
        return _WITHOUT_TRAINING[plan.action], plan.reason, ()
    shown = learnt.shown
    if learnt.is_accepted and shown.rival is not None and shown.judgement is not None:
        reason = f"{plan.reason}; {shown.rival.mode} is better than the champion"
        return DecisionKind.ROLLED_BACK, reason, shown.judgement.rules
    if not learnt.fits:
        return _WITHOUT_TRAINING[plan.action], plan.reason, ()
    if shown.judgement is None or shown.failure is not None:
        return DecisionKind.KEPT, f"{FAILED}: {shown.failure}", ()
    if not learnt.is_accepted:
        kind = DecisionKind.REJECTED
    else:
        kind = DecisionKind.TRAINED if plan.action is Action.TRAIN else DecisionKind.PROMOTED
    return kind, f"{plan.reason}; {shown.judgement.reason}", shown.judgement.rules


def _challenger(learnt: Learnt | None, tried: tuple[Attempt, ...]) -> int | None:
    """Return the version that the outcome names: that of the attempt to speak of."""
    if learnt is None or not (learnt.is_accepted or learnt.fits):
        return None
    place = next(i for i, one in enumerate(learnt.tried) if one is learnt.shown)
    return tried[place].version


def _alternatives(kind: DecisionKind) -> tuple[str, ...]:
    others = {
        DecisionKind.KEPT: ("retrain",),
        DecisionKind.PROMOTED: ("keep the champion",),
        DecisionKind.ROLLED_BACK: ("keep the champion", "retrain"),
        DecisionKind.REJECTED: ("promote the candidate by hand",),
        DecisionKind.DEFERRED: ("retrain once the breaker closes",),
    }
    return others.get(kind, ())


def _breaker(run: SnapshotRun, found: Findings) -> Breaker:
    """Count a failed fit, or a rejection while the champion fails, as a failure."""
    learnt = found.learnt
    if learnt is None or not learnt.fits:
        return run.state.breaker
    before = run.state.breaker.on_attempt(run.now)
    has_failed = all(tried.failure is not None for tried in learnt.fits)
    if has_failed or (not learnt.is_accepted and _champion_fails(found)):
        return before.after_failure(run.spec.breaker, now=run.now)
    return before.after_success()


def _champion_fails(found: Findings) -> bool:
    """Tell whether the champion breaks a threshold; a missing one does, for nothing serves."""
    return found.champion is None or found.plan.champion_fails


def _stream_state(found: Findings) -> str | None:
    """Return the error stream's state; a new champion begins a new stream."""
    if found.watched is None or (found.learnt is not None and found.learnt.is_accepted):
        return None
    return found.watched.state


def _versions(run: SnapshotRun, found: Findings) -> tuple[NewVersion | None, ...]:
    if found.learnt is None:
        return ()
    return new_versions(
        run,
        found.learnt,
        found.ingested,
        task=found.task,
        profile=_taught(run, found, found.learnt),
    )


def _taught(run: SnapshotRun, found: Findings, learnt: Learnt) -> str:
    """Return the digest of the profile of what the recipe that is spoken of has learnt from."""
    recipe = learnt.shown.recipe
    if recipe is not None:
        run = replace(run, state=replace(run.state, spec=recipe.spec(run.spec)))
    return run.kind.trainer.taught(run, found.profiled, found.champion)


def _messages(
    run: SnapshotRun, found: Findings, decision: Decision, breaker: Breaker
) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    about = {"snapshot": run.snapshot.label, "digest": run.snapshot.digest}
    messages: list[tuple[str, Mapping[str, Any]]] = []
    if found.drift is not None and found.drift[0].is_drift:
        messages.append(("calmops.snapshot.drifted", {**about, "decision": decision.kind}))
    if decision.kind in {DecisionKind.TRAINED, DecisionKind.PROMOTED}:
        messages.append(("calmops.model.promoted", {**about, "reason": decision.reason}))
    if decision.kind is DecisionKind.ROLLED_BACK:
        messages.append(("calmops.model.rolled_back", {**about, "reason": decision.reason}))
    before = run.state.breaker.state
    if breaker.state != before and "open" in {breaker.state, before}:
        name = "opened" if breaker.state == "open" else "closed"
        messages.append((f"calmops.circuit.{name}", {**about, "failures": breaker.failures}))
    return tuple(messages)
