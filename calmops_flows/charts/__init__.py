"""Pure figures: a view or record in, a plotly figure out."""

from calmops_flows.charts.backtest_figure import backtest_figure
from calmops_flows.charts.drift_figure import drift
from calmops_flows.charts.history import history_figure, metric_names

__all__ = ["backtest_figure", "drift", "history_figure", "metric_names"]
