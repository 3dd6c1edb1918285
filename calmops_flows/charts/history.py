"""The champion's metric from snapshot to snapshot, with drift and decisions marked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from calmops_flows.charts.style import BLUE, GREEN, GREY, ORANGE, RED, empty_figure, plain_label
from calmops_flows.records import DecisionKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import plotly.graph_objects as go

    from calmops_flows.records import Outcome

MAX_POINTS = 2000
_MARKS = {
    DecisionKind.TRAINED: ("trained", "star", GREEN),
    DecisionKind.PROMOTED: ("promoted", "star", GREEN),
    DecisionKind.REJECTED: ("rejected", "x", GREY),
    DecisionKind.ROLLED_BACK: ("rolled back", "arrow-left", ORANGE),
    DecisionKind.DEFERRED: ("deferred", "square-open", ORANGE),
}


def metric_names(outcomes: Iterable[Outcome]) -> list[str]:
    """Return the metrics that any champion was scored by, sorted."""
    return sorted({name for o in outcomes for name in o.metrics.get("champion") or {}})


def history_figure(outcomes: Sequence[Outcome], metric: str) -> go.Figure:
    """Draw a metric of the champion over the processed snapshots.

    Parameters
    ----------
    outcomes : sequence of Outcome
        In ledger order; the newest 2,000 are drawn, undecided ones are left out.
    metric : str
        Name of the metric; a snapshot without it leaves a gap.

    Returns
    -------
    plotly.graph_objects.Figure
        A line, triangles where data drifted, and a mark for each change of the model.
    """
    import plotly.graph_objects as go

    shown = [outcome for outcome in outcomes if outcome.decision is not None][-MAX_POINTS:]
    if not shown:
        return empty_figure("No snapshot was processed yet.")
    values = [(outcome.metrics.get("champion") or {}).get(metric) for outcome in shown]
    figure = go.Figure()
    x = list(range(1, len(shown) + 1))
    figure.add_scatter(
        x=x, y=values, mode="lines+markers", name=plain_label(metric), line={"color": BLUE}
    )
    figure.data[0].update(text=[plain_label(o.snapshot) for o in shown], hoverinfo="text+y")
    drifted = [bool(outcome.drift.is_drift) for outcome in shown]
    _mark(figure, drifted, ("drift", "triangle-up", RED), height=0.0)
    for kind, look in _MARKS.items():
        _mark(figure, [outcome.decision == kind for outcome in shown], look, height=1.0)
    figure.update_layout(
        yaxis={"title": plain_label(metric)},
        yaxis2={"overlaying": "y", "range": [-0.05, 1.05], "visible": False},
        xaxis={"title": "processed snapshots, oldest first"},
        legend={"orientation": "h"},
    )
    return figure


def _mark(figure: go.Figure, where: list[bool], look: tuple[str, str, str], height: float) -> None:
    name, symbol, colour = look
    x = [position for position, is_marked in enumerate(where, start=1) if is_marked]
    if not x:
        return
    marker: dict[str, Any] = {"symbol": symbol, "color": colour, "size": 10}
    figure.add_scatter(
        x=x, y=[height] * len(x), yaxis="y2", mode="markers", name=name, marker=marker
    )
    figure.data[-1].update(hoverinfo="name+x")
