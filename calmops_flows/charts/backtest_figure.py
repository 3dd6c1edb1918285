"""Score against fits of the policies of a backtest, with front and baselines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calmops_flows.charts.style import BLUE, GREEN, GREY, ORANGE, empty_figure, plain_label

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from calmops_flows.read.backtests import Backtest, PolicyResult


def backtest_figure(backtest: Backtest) -> go.Figure:
    """Draw what each policy reached over what it cost.

    Parameters
    ----------
    backtest : Backtest
        Policies without a score are left out.

    Returns
    -------
    plotly.graph_objects.Figure
        A point per policy at its fits and score, those on the front in colour; lines for the
        baselines.
    """
    import plotly.graph_objects as go

    shown = [result for result in backtest.results if result.score is not None]
    if not shown:
        return empty_figure("No policy could be scored.")
    figure = go.Figure()
    for name, colour, on_front in (("Pareto front", BLUE, True), ("others", GREY, False)):
        chosen = [result for result in shown if result.on_front == on_front]
        if chosen:
            figure.add_scatter(
                x=[result.fits for result in chosen],
                y=[result.score for result in chosen],
                text=[plain_label(result.policy) for result in chosen],
                hovertext=[_hover(result) for result in chosen],
                hoverinfo="text",
                mode="markers+text",
                textposition="top center",
                name=name,
                marker={"color": colour, "size": 10},
            )
    widest = max(1, *(result.fits for result in shown))
    baselines = (
        ("static model", backtest.static, ORANGE),
        ("no change", backtest.no_change, GREEN),
    )
    for name, value, colour in baselines:
        if value is not None:
            line = {"color": colour, "dash": "dash"}
            figure.add_scatter(x=[0, widest], y=[value, value], mode="lines", name=name, line=line)
    better = "lower is better" if backtest.is_loss else "higher is better"
    figure.update_layout(
        xaxis={"title": "fits, rejected challengers included", "rangemode": "tozero"},
        yaxis={"title": f"{plain_label(backtest.metric)} ({better})"},
        legend={"orientation": "h"},
    )
    return figure


def _hover(result: PolicyResult) -> str:
    return (
        f"{plain_label(result.policy)}: {result.score:.4g}, {result.fits} fits, "
        f"{result.refits} refits, {result.cpu_seconds:.3g} CPU s"
    )
