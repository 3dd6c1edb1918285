"""Prediction only: score a snapshot with the champion, and learn nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calmops_flows.steps.decide import Action, Plan

if TYPE_CHECKING:
    from calmops_flows.store.pipelines import PipelineState

NO_CHAMPION = (
    "waits for a champion: apply the spec without prediction_only, run it on labelled files, "
    "and switch then"
)
_OF_TRAINING = frozenset({"breaker", "labelled rows"})


def lacks_champion(state: PipelineState) -> bool:
    """Tell whether a pipeline should predict, and has nothing to predict with.

    Its snapshots stay pending then, with no attempt counted: an outcome is written once,
    so one without predictions could never get them.
    """
    return state.spec.prediction_only and state.champion is None


def only_predicts(plan: Plan) -> Plan:
    """Return the plan of a pipeline that only predicts, whatever the policy asked for.

    The rules on drift and performance stay: they may fail, and nothing follows.
    """
    rules = tuple(rule for rule in plan.rules if rule.name not in _OF_TRAINING)
    return Plan(Action.PREDICT, "the pipeline only predicts", rules)
