"""The life of one snapshot: ingest, drift, evaluate, decide, learn, commit."""

from __future__ import annotations

from dataclasses import dataclass

from calmops_flows.records import DriftReport, Rule
from calmops_flows.steps.allowance import knows_enough
from calmops_flows.steps.arrival import arrival_facts
from calmops_flows.steps.check_drift import Profiled, check_drift, profile_snapshot
from calmops_flows.steps.commit import Findings, assemble
from calmops_flows.steps.concept import Watched, check_concept
from calmops_flows.steps.decide import Evidence, decide
from calmops_flows.steps.episode import after_the_drop
from calmops_flows.steps.evaluate import (
    Champion,
    Labels,
    Scored,
    evaluate_champion,
    load_champion,
    read_labels,
)
from calmops_flows.steps.ingest import Ingested, ingest
from calmops_flows.steps.memory import remember
from calmops_flows.steps.performance import (
    Estimate,
    check_drop,
    estimate_performance,
    needs_estimate,
)
from calmops_flows.steps.predict_only import only_predicts
from calmops_flows.steps.run import SnapshotRun
from calmops_flows.steps.runner import StepCalls
from calmops_flows.steps.wait_for_labels import awaits_labels, waits_for_labels
from calmops_flows.steps.worth import worth_a_fit
from calmops_flows.store.commit import commit_snapshot
from calmops_flows.store.labels import LabelFacts


def process_snapshot(run: SnapshotRun, calls: StepCalls, token: str) -> None:
    """Take one snapshot through all steps and commit what was found.

    Raises
    ------
    SnapshotError
        If the snapshot must be quarantined, or (NotReadyError) tried later.
    LeaseLostError, StaleRunError
        If somebody else moved on; nothing was written.
    """
    ingested = calls("ingest", lambda: ingest(run))
    process_table(run, calls, token, ingested, None)


def process_table(
    run: SnapshotRun, calls: StepCalls, token: str, ingested: Ingested, facts: LabelFacts | None
) -> None:
    """Take rows through all steps after reading; ``facts`` are those of a label file."""
    profiled, champion, drift = calls("check_drift", lambda: _against_the_past(run, ingested))
    labels = read_labels(run, ingested, champion)
    seen = _observe(run, calls, ingested, champion, labels)
    evidence = Evidence(
        drift=drift[0] if drift else None,
        scores=seen.scored.evaluation if seen.scored else None,
        drop=seen.drop,
        concept=seen.watched.rule if seen.watched else None,
        estimate=seen.estimate.rule if seen.estimate else None,
        knowledge=knows_enough(run, champion, n_labelled=len(labels.rows)) if champion else None,
        worth=worth_a_fit(run, champion, labels, seen.scored) if champion and seen.scored else None,
    )
    opinion = run.kind.trainer.opinion(run, champion, labels)
    plan = decide(run, evidence, n_labelled=len(labels.rows), opinion=opinion)
    if run.spec.prediction_only:
        plan = only_predicts(plan)
    elif waits_for_labels(run, n_labelled=len(labels.rows), n_rows=ingested.table.num_rows):
        plan = awaits_labels(plan, n_labelled=len(labels.rows), n_rows=ingested.table.num_rows)
    learner = after_the_drop(run, seen.drop)
    learnt = run.kind.trainer.learn(learner, calls, plan, ingested, labels, champion, seen.scored)
    findings = Findings(
        ingested,
        profiled,
        drift,
        labels.task,
        champion,
        seen.scored,
        plan,
        learnt,
        watched=seen.watched,
        estimate=seen.estimate,
        reservoir=remember(run, ingested, labels),
        labels=facts or arrival_facts(run, ingested.early, evidence.scores),
    )
    commit = assemble(run, findings, calls.cost_seconds)
    calls("commit", lambda: commit_snapshot(run.store.database, commit, token, now=run.now))


def _against_the_past(
    run: SnapshotRun, ingested: Ingested
) -> tuple[Profiled, Champion | None, tuple[DriftReport, str] | None]:
    """Profile the snapshot, load the champion, and compare with the reference: one task."""
    profiled = profile_snapshot(run, ingested.table)
    champion = load_champion(run)
    reference = run.kind.trainer.reference(run, champion)
    return profiled, champion, check_drift(run, profiled, reference)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the champion's answers on a snapshot say about it."""

    scored: Scored | None = None
    drop: Rule | None = None
    watched: Watched | None = None
    estimate: Estimate | None = None


def _observe(
    run: SnapshotRun,
    calls: StepCalls,
    ingested: Ingested,
    champion: Champion | None,
    labels: Labels,
) -> _Seen:
    """Score the champion, then look at its errors, or estimate them where labels are missing."""
    if champion is None:
        return _Seen()
    scored = calls("evaluate", lambda: evaluate_champion(run, ingested, champion, labels))
    drop = watched = estimate = None
    if run.spec.drift.performance is not None:
        drop = calls("check_performance", lambda: check_drop(run, champion, labels, scored))
    if run.spec.drift.concept is not None:
        watched = calls("check_concept", lambda: check_concept(run, champion, labels, scored))
    if needs_estimate(ingested, labels):
        estimate = calls(
            "estimate",
            lambda: estimate_performance(run, ingested, champion, scored, labels.task),
        )
    return _Seen(scored, drop, watched, estimate)
