"""How models are judged: metrics, thresholds, and champion against challenger."""

from calmops_flows.evaluation.case import Case
from calmops_flows.evaluation.comparison import compare
from calmops_flows.evaluation.drop import Drop, drop_rule, performance_drop
from calmops_flows.evaluation.holdout import Holdout, HoldoutScore, holdout_score
from calmops_flows.evaluation.metrics import (
    ALIASES,
    METRICS,
    Metric,
    default_metric,
    evaluate,
    find_metric,
)
from calmops_flows.evaluation.predictions import Predictions
from calmops_flows.evaluation.promotion import PROMOTION_RULES, judge
from calmops_flows.evaluation.thresholds import check_thresholds

__all__ = [
    "ALIASES",
    "METRICS",
    "PROMOTION_RULES",
    "Case",
    "Drop",
    "Holdout",
    "HoldoutScore",
    "Metric",
    "Predictions",
    "check_thresholds",
    "compare",
    "default_metric",
    "drop_rule",
    "evaluate",
    "find_metric",
    "holdout_score",
    "judge",
    "performance_drop",
]
