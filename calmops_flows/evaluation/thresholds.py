"""Absolute bounds on metrics: scores at least, losses at most."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calmops_flows.evaluation.metrics import find_metric
from calmops_flows.records import Evaluation, Rule

if TYPE_CHECKING:
    from collections.abc import Mapping


def check_thresholds(evaluation: Evaluation, thresholds: Mapping[str, float]) -> tuple[Rule, ...]:
    """Check each bound of the spec against one evaluation.

    Parameters
    ----------
    evaluation : Evaluation
        Scores of one model.
    thresholds : mapping of str to float
        Bound by metric.

    Returns
    -------
    tuple of Rule
        One per bound, in the mapping's order; ``passed`` is None where the metric is undefined.

    Raises
    ------
    SpecError
        If a metric is unknown.

    Examples
    --------
    >>> scores = Evaluation(100, {"accuracy": 0.91, "roc_auc": None}, {"roc_auc": "one class"})
    >>> [rule.passed for rule in check_thresholds(scores, {"accuracy": 0.9, "roc_auc": 0.8})]
    [True, None]
    """
    return tuple(_check(evaluation, name, bound) for name, bound in thresholds.items())


def _check(evaluation: Evaluation, name: str, bound: float) -> Rule:
    metric = find_metric(name)
    observed = evaluation.metrics.get(metric.name)
    sense = "at most" if metric.is_loss else "at least"
    if observed is None:
        why = evaluation.notes.get(metric.name, "was not computed")
        return Rule(f"threshold:{name}", None, bound, None, f"untestable: {why}")
    passed = observed <= bound if metric.is_loss else observed >= bound
    return Rule(f"threshold:{name}", observed, bound, passed, f"{name} {sense} {bound:g}")
