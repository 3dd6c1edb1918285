"""Pure figures: a view or record in, a plotly figure out."""

from calmops_flows.charts.backtest_figure import backtest_figure
from calmops_flows.charts.bars import codes_figure, share_figure
from calmops_flows.charts.comparison_figures import (
    correlations_figure,
    distances_figure,
    shares_figure,
)
from calmops_flows.charts.count_figures import (
    calibration_figure,
    confusion_figure,
    curves_figure,
    residual_fan_figure,
    residuals_figure,
)
from calmops_flows.charts.drift_figure import drift
from calmops_flows.charts.drift_past_figures import (
    attribution_figure,
    heat_map,
    joint_figure,
    quadrant,
)
from calmops_flows.charts.feature_figures import (
    ecdf_figure,
    fan_figure,
    histogram_figure,
    missing_figure,
)
from calmops_flows.charts.model_figures import (
    blocks_figure,
    contests_figure,
    details_figure,
    seconds_figure,
    versions_figure,
)
from calmops_flows.charts.score_figures import (
    by_block_figure,
    drifted_by_block_figure,
    scores_figure,
)
from calmops_flows.charts.simulation_figures import simulation_heat_map, simulation_lanes
from calmops_flows.charts.tracks import tracks

__all__ = [
    "attribution_figure",
    "backtest_figure",
    "blocks_figure",
    "by_block_figure",
    "calibration_figure",
    "codes_figure",
    "confusion_figure",
    "contests_figure",
    "correlations_figure",
    "curves_figure",
    "details_figure",
    "distances_figure",
    "drift",
    "drifted_by_block_figure",
    "ecdf_figure",
    "fan_figure",
    "heat_map",
    "histogram_figure",
    "joint_figure",
    "missing_figure",
    "quadrant",
    "residual_fan_figure",
    "residuals_figure",
    "scores_figure",
    "seconds_figure",
    "share_figure",
    "shares_figure",
    "simulation_heat_map",
    "simulation_lanes",
    "tracks",
    "versions_figure",
]
