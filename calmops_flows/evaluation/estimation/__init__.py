"""Performance without labels: one file per method."""

from calmops_flows.evaluation.estimation.base import (
    ASSUMPTION,
    MIN_CALIBRATION_ROWS,
    Estimated,
    PerformanceEstimate,
)
from calmops_flows.evaluation.estimation.cbpe import estimate_classification
from calmops_flows.evaluation.estimation.direct_loss import estimate_regression

__all__ = [
    "ASSUMPTION",
    "MIN_CALIBRATION_ROWS",
    "Estimated",
    "PerformanceEstimate",
    "estimate_classification",
    "estimate_regression",
]
