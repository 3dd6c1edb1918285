"""Judge a challenger against the champion on rows that neither has learnt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from calmops_flows.evaluation.comparison import compare
from calmops_flows.evaluation.holdout import Holdout
from calmops_flows.evaluation.metrics import Task, default_metric, evaluate
from calmops_flows.evaluation.predictions import Predictions
from calmops_flows.evaluation.promotion import judge
from calmops_flows.evaluation.thresholds import check_thresholds
from calmops_flows.learning.columns import feature_names
from calmops_flows.learning.predict import predict
from calmops_flows.records import Comparison, Evaluation, Rule
from calmops_flows.steps.evaluate import Champion, Labels, Scored
from calmops_flows.steps.holdout import keep_holdout
from calmops_flows.steps.ingest import Ingested
from calmops_flows.steps.retrain import Challenger
from calmops_flows.steps.run import SnapshotRun

if TYPE_CHECKING:
    from numpy.typing import NDArray


_ACCEPTED = {
    "better": "the challenger is better",
    "no_worse": "the challenger is not shown to be worse",
    "non_inferior": "the challenger holds the thresholds and is not inferior",
    "thresholds": "the challenger holds the thresholds",
    "always": "every challenger takes over",
}
_TURNED_AWAY = {
    "better": "the challenger is not shown to be better",
    "no_worse": "the challenger is shown to be worse",
    "non_inferior": "the challenger is not shown to be non-inferior",
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether the challenger takes over, and all that this rests on."""

    accepted: bool
    reason: str
    rules: tuple[Rule, ...]
    challenger: Evaluation
    comparison: Comparison | None = None
    holdout: str | None = None


def judge_challenger(
    run: SnapshotRun,
    ingested: Ingested,
    labels: Labels,
    challenger: Challenger,
    champion: tuple[Champion, Scored] | None,
) -> Judgement:
    """Score both models on the holdout, and apply thresholds and promotion rule."""
    rows, y = labels.rows[challenger.holdout], labels.y[challenger.holdout]
    held = ingested.table.take(pa.array(rows))
    predictions = predict(challenger.fitted.estimator, held, ingested.contract)
    scores = evaluate(labels.task, y, predictions)
    limits = run.spec.evaluation.thresholds
    rules = check_thresholds(scores, limits)
    kept = Holdout(labels.task, y, predictions)
    if champion is None:
        holds = all(rule.passed is True for rule in rules)
        reason = "first model" if holds else "the first model does not hold a threshold"
        digest = keep_holdout(run, kept, held, feature_names(ingested.contract))
        return Judgement(holds, reason, rules, scores, holdout=digest)
    old = champion[1].predictions.take(rows)
    found = _against(run, labels.task, y, old, predictions)
    cut = _cut(found.comparison, found.rules) if found.accepted and found.comparison else None
    metric = found.comparison.metric if found.comparison else None
    kept = replace(kept, rival=old, metric=metric, cut=cut)
    digest = keep_holdout(run, kept, held, feature_names(ingested.contract))
    return replace(found, holdout=digest)


def judge_rival(
    run: SnapshotRun,
    ingested: Ingested,
    labels: Labels,
    estimator: Any,
    scored: Scored,
    positions: NDArray[np.int64],
) -> Judgement:
    """Judge an earlier model against the champion on some of the labelled rows.

    Parameters
    ----------
    run : SnapshotRun
        Its spec says on what terms.
    ingested : Ingested
        The rows.
    labels : Labels
        Their target.
    estimator : estimator
        The earlier model; it has not learnt from these rows.
    scored : Scored
        What the champion said about them.
    positions : ndarray of int
        Which of the labelled rows judge.

    Returns
    -------
    Judgement
        Without a holdout of its own: the model was fitted and judged before.
    """
    rows, y = labels.rows[positions], labels.y[positions]
    predictions = predict(estimator, ingested.table.take(pa.array(rows)), ingested.contract)
    return _against(run, labels.task, y, scored.predictions.take(rows), predictions)


def _against(
    run: SnapshotRun, task: Task, y: NDArray[Any], old: Predictions, new: Predictions
) -> Judgement:
    """Judge one model's predictions against the champion's."""
    limits, promotion = run.spec.evaluation.thresholds, run.spec.evaluation.promotion
    scores = evaluate(task, y, new)
    rules = check_thresholds(scores, limits)
    old_rules = check_thresholds(evaluate(task, y, old), limits)
    comparison = _compare(run, task, y, old, new)
    verdict, judged = judge(comparison, promotion, rules=rules, champion_rules=old_rules)
    reason = _reason(verdict, judged, comparison)
    return Judgement(verdict is True, reason, judged, scores, comparison)


def _cut(comparison: Comparison, rules: tuple[Rule, ...]) -> float | None:
    """Return the difference that the challenger had to exceed, by the last rule's bound."""
    observed, threshold = rules[-1].observed, rules[-1].threshold
    if not isinstance(observed, float) or not isinstance(threshold, float):
        return None
    gain = comparison.difference
    return None if gain is None else gain - (observed - threshold)


def _reason(verdict: bool | None, rules: tuple[Rule, ...], comparison: Comparison) -> str:
    if verdict is None:
        unknown = next(rule for rule in rules if rule.passed is None)
        about = comparison.reason if unknown is rules[-1] else unknown.note
        return f"the challenger could not be judged by {unknown.name} ({about})"
    last = rules[-1].name
    if verdict:
        return _ACCEPTED[last]
    broken = next(rule.name for rule in rules if rule.passed is False)
    return _TURNED_AWAY.get(broken, f"the challenger fails {broken}")


def _compare(
    run: SnapshotRun, task: Task, y: NDArray[Any], old: Predictions, new: Predictions
) -> Comparison:
    promotion = run.spec.evaluation.promotion
    return compare(
        task,
        promotion.metric or default_metric(task),
        y,
        old,
        new,
        confidence=promotion.confidence,
        rng=np.random.default_rng(run.seed("bootstrap")),
        is_ordered=run.spec.evaluation.split == "last",
    )
