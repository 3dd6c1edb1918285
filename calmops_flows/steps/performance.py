"""Performance drift: the drop with labels, the estimate without."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from calmops_flows.errors import UntestableError
from calmops_flows.evaluation.drop import DROP_RULE, drop_rule, performance_drop
from calmops_flows.evaluation.estimation import (
    PerformanceEstimate,
    estimate_classification,
    estimate_regression,
)
from calmops_flows.evaluation.holdout import holdout_score
from calmops_flows.evaluation.holdout_file import Judged
from calmops_flows.evaluation.metrics import Task, default_metric, find_metric
from calmops_flows.learning.columns import features
from calmops_flows.records import Evaluation, Rule
from calmops_flows.spec import MaxDropSpec, PipelineSpec
from calmops_flows.steps.episode import ongoing
from calmops_flows.steps.evaluate import Champion, Labels, Scored
from calmops_flows.steps.holdout import holdout_of, load_holdout
from calmops_flows.steps.ingest import Ingested
from calmops_flows.steps.run import SnapshotRun

if TYPE_CHECKING:
    import pyarrow as pa

_NO_HOLDOUT = "the champion was fitted before holdouts were kept"


@dataclass(frozen=True, slots=True)
class Estimate:
    """Estimated scores of the champion, and the rule that a decision shows."""

    scores: Evaluation
    rule: Rule


def drop_metric(spec: PipelineSpec, task: Task) -> str:
    """Return the metric in which drops are measured."""
    declared = spec.drift.performance.metric if spec.drift.performance else None
    return declared or spec.evaluation.promotion.metric or default_metric(task)


def check_drop(run: SnapshotRun, champion: Champion, labels: Labels, scored: Scored) -> Rule | None:
    """Compare the champion on the labelled rows with its own holdout score.

    While a drop is not over, with that of the version that served before it.

    Returns
    -------
    Rule or None
        None without ``drift.performance`` or without labels.
    """
    policy = run.spec.drift.performance
    if policy is None or len(labels.rows) == 0:
        return None
    episode = ongoing(run)
    judged = load_holdout(run, champion) if episode is None else holdout_of(run, episode.champion)
    if judged is None:
        return _untestable(DROP_RULE, policy.max_drop, _NO_HOLDOUT)
    try:
        drop = performance_drop(
            judged.holdout,
            labels.y,
            scored.predictions.take(labels.rows),
            metric=drop_metric(run.spec, labels.task),
            confidence=run.spec.evaluation.promotion.confidence,
        )
    except UntestableError as err:
        return _untestable(DROP_RULE, policy.max_drop, str(err))
    rule = drop_rule(drop, policy.max_drop)
    if episode is None:
        return rule
    held = f"of version {episode.champion}, which served before the drop in {episode.snapshot}"
    return replace(rule, note=f"{rule.note}; the holdout is that {held}")


def needs_estimate(ingested: Ingested, labels: Labels) -> bool:
    """Tell whether too few rows are labelled to know the performance from them."""
    return 2 * len(labels.rows) < int(ingested.table.num_rows)


def estimate_performance(
    run: SnapshotRun, ingested: Ingested, champion: Champion, scored: Scored, task: Task
) -> Estimate | None:
    """Estimate the champion's performance on all rows of a snapshot without labels.

    Returns
    -------
    Estimate or None
        None for a champion whose holdout was not kept.
    """
    judged = load_holdout(run, champion)
    if judged is None:
        return None
    rng = np.random.default_rng(run.seed("estimate"))
    if task == "classification":
        found = estimate_classification(judged.holdout, scored.predictions, rng=rng)
    else:
        found = _of_regressor(judged, champion, ingested, scored, rng)
    return Estimate(found.to_evaluation(), _estimate_rule(run.spec, judged, found))


def _of_regressor(
    judged: Judged,
    champion: Champion,
    ingested: Ingested,
    scored: Scored,
    rng: np.random.Generator,
) -> PerformanceEstimate:
    holdout = judged.holdout
    table = judged.features
    if table is None:
        raise AssertionError("a regressor's holdout has features")
    return estimate_regression(
        _encoded(champion.estimator, table, ingested),
        np.asarray(holdout.truth, dtype=np.float64),
        np.asarray(holdout.predictions.values, dtype=np.float64),
        _encoded(champion.estimator, ingested.table, ingested),
        np.asarray(scored.predictions.values, dtype=np.float64),
        rng=rng,
    )


def _encoded(estimator: Any, table: pa.Table, ingested: Ingested) -> Any:
    """Return the features as the champion's last step sees them."""
    frame = features(table, ingested.contract)
    model = getattr(estimator, "global_", estimator)  # of a model per block: one for all
    return model[:-1].transform(frame) if hasattr(model, "steps") else frame


def _estimate_rule(spec: PipelineSpec, judged: Judged, found: PerformanceEstimate) -> Rule:
    """Set the estimate against the tolerated drop; it is shown, but is no reason to retrain."""
    task = judged.holdout.task
    metric = find_metric(drop_metric(spec, task), task)
    name = f"estimated {metric.name}"
    value = found.metrics.get(metric.name)
    if value is None:
        why = found.reason or found.notes.get(metric.name, "is not estimated without labels")
        return _untestable(name, None, why)
    max_drop = (spec.drift.performance or MaxDropSpec()).max_drop
    try:
        before = holdout_score(judged.holdout, metric.name)
    except UntestableError as err:
        return _untestable(name, None, str(err))
    bound = before.score * (1.0 + max_drop if metric.is_loss else 1.0 - max_drop)
    holds = value.lower <= bound if metric.is_loss else value.upper >= bound
    note = (
        f"{found.method} on {found.n_rows} rows from {found.n_calibration} holdout rows: "
        f"error bars {value.lower:.4g} to {value.upper:.4g}; {found.assumption}"
    )
    return Rule(name, value.value, bound, holds, note)


def _untestable(name: str, threshold: float | None, why: str) -> Rule:
    return Rule(name, None, threshold, None, f"untestable: {why}")
