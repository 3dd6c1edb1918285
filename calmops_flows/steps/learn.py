"""Carry a plan out: fit, judge, refit; a fit that fails is a finding, not a crash."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from calmops_flows.errors import ModelError, SpecError
from calmops_flows.steps.decide import Action, Plan
from calmops_flows.steps.evaluate import Champion, Labels, Scored
from calmops_flows.steps.importance import measure_importance
from calmops_flows.steps.ingest import Ingested
from calmops_flows.steps.judge import Judgement, judge_challenger
from calmops_flows.steps.retrain import Challenger, Refitted, refit, retrain
from calmops_flows.steps.run import SnapshotRun
from calmops_flows.steps.runner import StepCalls


@dataclass(frozen=True, slots=True)
class Learnt:
    """What training brought: a judged challenger, or the reason why there is none."""

    challenger: Challenger | None = None
    judgement: Judgement | None = None
    refitted: Refitted | None = None
    failure: str | None = None
    importance: Mapping[str, Any] | None = None


def learn(
    run: SnapshotRun,
    calls: StepCalls,
    plan: Plan,
    ingested: Ingested,
    labels: Labels,
    champion: Champion | None,
    scored: Scored | None,
) -> Learnt | None:
    """Train if the plan says so.

    Returns
    -------
    Learnt or None
        None when the plan was not to train.
    """
    if plan.action not in {Action.TRAIN, Action.RETRAIN}:
        return None
    estimator = champion.estimator if champion else None
    pair = (champion, scored) if champion and scored else None
    try:
        challenger = calls("retrain", lambda: retrain(run, ingested, labels, estimator))
        judgement = calls(
            "compare", lambda: judge_challenger(run, ingested, labels, challenger, pair)
        )
        if not judgement.accepted:
            return Learnt(challenger, judgement)
        importance = calls(
            "importance", lambda: measure_importance(run, ingested, labels, challenger)
        )
        if not run.spec.evaluation.refit:
            return Learnt(challenger, judgement, importance=importance)
        refitted = calls("refit", lambda: refit(run, ingested, labels, estimator))
    except (ModelError, SpecError) as err:
        return Learnt(failure=str(err))
    return Learnt(challenger, judgement, refitted, importance=importance)
