"""Make good what the open breaker put off: one attempt, on the newest deferred rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from calmops_flows.records import SnapshotState
from calmops_flows.steps.check_drift import profile_snapshot
from calmops_flows.steps.commit import Findings, assemble
from calmops_flows.steps.decide import Evidence, Opinion, decide
from calmops_flows.steps.episode import after_the_drop
from calmops_flows.steps.evaluate import evaluate_champion, load_champion, read_labels
from calmops_flows.steps.ingest import ingest
from calmops_flows.steps.performance import check_drop
from calmops_flows.store.catch_up import entered, owed
from calmops_flows.store.commit import commit_snapshot

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from calmops_flows.records import Snapshot
    from calmops_flows.steps.evaluate import Champion, Labels
    from calmops_flows.steps.run import SnapshotRun
    from calmops_flows.steps.runner import StepCalls
    from calmops_flows.store.pipelines import PipelineState
    from calmops_flows.store.store import Store

SHOWN = 10


def next_due(
    store: Store, state: PipelineState, *, now: datetime, besides: Collection[str]
) -> Snapshot | None:
    """Return the deferred snapshot to learn from now.

    Parameters
    ----------
    store : Store
        The store.
    state : PipelineState
        Its breaker says whether the pause is over.
    now : datetime
        The drain's clock.
    besides : collection of str
        Digests that had their turn in this drain.

    Returns
    -------
    Snapshot or None
        The newest one (of its block) whose rows are still kept; None while the breaker is open,
        when nothing is owed, or when the pipeline does not train any more.
    """
    spec = state.spec
    if not state.breaker.allows(now) or spec.prediction_only or spec.retrain.when == "never":
        return None
    kept = (s for s in owed(store.database, spec.name) if s.data_digest is not None)
    newest = {snapshot.block: snapshot for snapshot in kept}
    if not newest:
        return None
    turns = entered(store.database, spec.name)
    if SnapshotState.PENDING in turns.values():
        return None  # a run was killed at it; it has its place among the pending
    taken = {*besides, *turns}
    free = [snapshot for snapshot in newest.values() if snapshot.digest not in taken]
    return max(free, key=lambda snapshot: snapshot.sequence, default=None)


def process_catch_up(run: SnapshotRun, calls: StepCalls, token: str) -> None:
    """Train on rows that were loaded, checked and scored when they came, and commit the outcome.

    Drift, errors and predictions of these rows are on record already; only the champion's score
    is taken again, for the comparison.

    Raises
    ------
    SnapshotError
        If the rows no longer fit the contract.
    LeaseLostError, StaleRunError
        If somebody else moved on; nothing was written.
    """
    ingested = replace(calls("ingest", lambda: ingest(run)), early=None)
    profiled = profile_snapshot(run, ingested.table)
    champion = load_champion(run)
    labels = read_labels(run, ingested, champion)
    scored = drop = None
    if champion is not None:
        scored = calls("evaluate", lambda: evaluate_champion(run, ingested, champion, labels))
        drop = check_drop(run, champion, labels, scored)
    makes_good = _names(run)
    opinion = _opinion(run, champion, labels, makes_good)
    evidence = Evidence(scores=scored.evaluation if scored else None, drop=drop)
    plan = decide(run, evidence, n_labelled=len(labels.rows), opinion=opinion)
    learner = after_the_drop(run, drop)
    learnt = run.kind.trainer.learn(learner, calls, plan, ingested, labels, champion, scored)
    findings = Findings(
        ingested,
        profiled,
        None,
        labels.task,
        champion,
        scored,
        plan,
        learnt,
        makes_good=makes_good,
    )
    commit = assemble(run, findings, calls.cost_seconds)
    calls("commit", lambda: commit_snapshot(run.store.database, commit, token, now=run.now))


def _names(run: SnapshotRun) -> tuple[str, ...]:
    """Name the deferred snapshots that this attempt makes good, oldest first."""
    known = owed(run.store.database, run.spec.name)
    return tuple(s.label for s in known if s.block == run.snapshot.block)


def _opinion(
    run: SnapshotRun, champion: Champion | None, labels: Labels, names: tuple[str, ...]
) -> Opinion:
    """Ask for training, unless the kind of pipeline has a reason against it."""
    own = run.kind.trainer.opinion(run, champion, labels)
    if own is not None and not own.wants:
        return own
    shown = ", ".join(names[:SHOWN])
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return Opinion(wants=True, reason=f"retraining was put off on {shown}{more}")
