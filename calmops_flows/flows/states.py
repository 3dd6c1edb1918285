"""Name the state in which a flow run ends: what a schedule, a hook or a person should know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from calmops_flows.evaluation.drop import DROP_RULE
from calmops_flows.evaluation.thresholds import check_thresholds
from calmops_flows.records import Decision, DecisionKind, Evaluation, Outcome
from calmops_flows.steps.concept import CONCEPT_RULE

if TYPE_CHECKING:
    from calmops_flows.breaker import Breaker
    from calmops_flows.spec import PipelineSpec
    from calmops_flows.steps.drain import Drained

BUSY = "Busy"
IDLE = "Idle"
HEALTHY = "Healthy"
RETRAINED = "Retrained"
PROMOTED = "Promoted"
ROLLED_BACK = "RolledBack"
DEGRADED = "Degraded"
CIRCUIT_OPEN = "CircuitOpen"
_WORSE = frozenset({DROP_RULE, CONCEPT_RULE})


@dataclass(frozen=True, slots=True)
class EndState:
    """Name and message of a run's last state; its type is always COMPLETED."""

    name: str
    message: str


def end_state(
    drained: Drained, spec: PipelineSpec, breaker: Breaker, last: Decision | None = None
) -> EndState:
    """Say in one name how a pipeline stands after a run.

    Parameters
    ----------
    drained : Drained
        What the run did.
    spec : PipelineSpec
        Its thresholds say what a failing champion is.
    breaker : Breaker
        The pipeline's breaker after the run.
    last : Decision, optional
        The decision on the last snapshot that was processed.

    Returns
    -------
    EndState
        The first that fits of ``Busy`` (another run holds the pipeline), ``CircuitOpen``
        (retraining pauses), ``Degraded`` (something was quarantined, every challenger
        was rejected, or the model that still serves fails a threshold, has dropped
        below its own score, or makes more errors than it did), ``RolledBack`` (an earlier
        version serves again), ``Promoted`` (a challenger
        took over), ``Retrained`` (a first model serves), ``Idle`` (nothing was pending)
        and ``Healthy``.
    """
    if drained.is_busy and not drained.outcomes:
        return EndState(BUSY, "another run holds the pipeline and will see the new files")
    name = _name(drained, spec, breaker)
    is_better_than_degraded = name in {PROMOTED, RETRAINED, HEALTHY}
    if is_better_than_degraded and last is not None and _has_worsened(last):
        name = DEGRADED
    return EndState(name, summary(drained))


def _name(drained: Drained, spec: PipelineSpec, breaker: Breaker) -> str:
    decisions = {outcome.decision for outcome in drained.outcomes}
    if breaker.state == "open":
        return CIRCUIT_OPEN
    if drained.quarantined or _all_rejected(decisions) or _champion_fails(drained.outcomes, spec):
        return DEGRADED
    if DecisionKind.ROLLED_BACK in decisions:
        return ROLLED_BACK
    if DecisionKind.PROMOTED in decisions:
        return PROMOTED
    if DecisionKind.TRAINED in decisions:
        return RETRAINED
    return HEALTHY if drained.outcomes else IDLE


def _has_worsened(last: Decision) -> bool:
    """Tell whether a champion that dropped, or whose errors rose, was left in service."""
    if last.kind in {DecisionKind.PROMOTED, DecisionKind.TRAINED, DecisionKind.ROLLED_BACK}:
        return False
    return any(rule.name in _WORSE and rule.passed is False for rule in last.rules)


def _all_rejected(decisions: set[str | None]) -> bool:
    accepted = {DecisionKind.PROMOTED, DecisionKind.TRAINED, DecisionKind.ROLLED_BACK}
    return DecisionKind.REJECTED in decisions and not decisions & accepted


def _champion_fails(outcomes: list[Outcome], spec: PipelineSpec) -> bool:
    """Tell whether the model that serves after the last snapshot failed a threshold on it."""
    if not outcomes:
        return False
    last = outcomes[-1]
    took_over = last.decision in {DecisionKind.PROMOTED, DecisionKind.TRAINED}
    scores = last.metrics.get("challenger" if took_over else "champion")
    if scores is None:
        return False
    rules = check_thresholds(Evaluation(last.rows or 0, scores), spec.evaluation.thresholds)
    return any(rule.passed is False for rule in rules)


def summary(drained: Drained) -> str:
    """Count in words what a run did.

    Examples
    --------
    >>> from calmops_flows.steps.drain import Drained
    >>> summary(Drained())
    'nothing was pending'
    """
    counts: dict[str, int] = {}
    for outcome in drained.outcomes:
        counts[str(outcome.decision)] = counts.get(str(outcome.decision), 0) + 1
    if drained.quarantined:
        counts["quarantined"] = len(drained.quarantined)
    total = len(drained.outcomes) + len(drained.quarantined)
    if not total:
        return "nothing was pending"
    parts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items())
    return f"{total} snapshot{'s' if total > 1 else ''}: {parts}"
