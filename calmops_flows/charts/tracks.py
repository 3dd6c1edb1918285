"""Four aligned tracks over snapshots: the metric, drift, volume, and what happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from calmops_flows.charts.style import (
    BLUE,
    FADED_BLUE,
    GREEN,
    GREY,
    LEDGER_AXIS,
    ORANGE,
    PINK,
    RED,
    SKY,
    arranged,
    empty_figure,
    plain_label,
)
from calmops_flows.records import DecisionKind, SnapshotState

if TYPE_CHECKING:
    from collections.abc import Sequence

    import plotly.graph_objects as go

    from calmops_flows.read.timeline import Timeline, TimelinePoint

_EDGED = 150  # more bars than this are too narrow for an edge
TITLES = ("metric", "drifted", "rows", "events")
_LANES = {
    DecisionKind.TRAINED: ("trained", "star", GREEN),
    DecisionKind.PROMOTED: ("promoted", "star", GREEN),
    DecisionKind.REJECTED: ("rejected", "x", GREY),
    DecisionKind.ROLLED_BACK: ("rolled back", "arrow-left", ORANGE),
    DecisionKind.DEFERRED: ("deferred by the breaker", "square-open", PINK),
    DecisionKind.AWAITING_LABELS: ("awaiting labels", "hourglass", SKY),
    DecisionKind.PREDICTED: ("predicted only", "circle-open", SKY),
    DecisionKind.KEPT: ("kept", "circle", BLUE),
    SnapshotState.QUARANTINED: ("quarantined", "cross", RED),
    SnapshotState.PENDING: ("waiting", "circle-open-dot", GREY),
    SnapshotState.SUPERSEDED: ("superseded", "line-ew-open", GREY),
    SnapshotState.DROPPED: ("dropped", "line-ns-open", GREY),
}
_BREAKER = {
    "opened": ("breaker opened", "octagon", RED),
    "closed": ("breaker closed", "octagon-open", GREEN),
}


def tracks(timeline: Timeline, metric: str | None) -> go.Figure:
    """Draw a pipeline's past as four tracks with one axis of snapshots.

    Parameters
    ----------
    timeline : Timeline
        Its points are drawn by their number in the ledger.
    metric : str or None
        Metric of the first track; without one it stays empty.

    Returns
    -------
    plotly.graph_objects.Figure
        From above: the champion's metric with its interval, threshold and changes of champion;
        share of drifted columns; rows, with the share of their cells that is missing; events.
    """
    from plotly.subplots import make_subplots

    if not timeline.points:
        return empty_figure("No snapshot arrived in this range.")
    figure = make_subplots(
        rows=4, cols=1, shared_xaxes=True, vertical_spacing=0.045, row_heights=[5, 3, 3, 4]
    )
    points = timeline.points
    if metric is not None:
        _metric(figure, points, metric)
        bound = timeline.thresholds.get(metric)
        if bound is not None:
            _line(figure, points, float(bound))
    _champions(figure, points)
    _drift(figure, points)
    _volume(figure, points)
    _events(figure, points)
    arranged(figure, height=640)
    figure.update_yaxes(title_text=plain_label(metric or "metric"), row=1, col=1)
    figure.update_yaxes(title_text="drifted", tickformat=".0%", rangemode="tozero", row=2, col=1)
    figure.update_yaxes(title_text="rows", rangemode="tozero", row=3, col=1)
    figure.update_yaxes(automargin=True, row=4, col=1)
    figure.update_xaxes(title_text=LEDGER_AXIS, row=4, col=1)
    figure.update_layout(showlegend=False, hovermode="closest", barmode="stack")
    return figure


def _metric(figure: go.Figure, points: Sequence[TimelinePoint], metric: str) -> None:
    for name, attribute, dash, colour in (
        ("on arrival", "scores", "solid", BLUE),
        ("from later labels", "realised", "dash", GREEN),
        ("estimated", "estimated", "dot", ORANGE),
    ):
        found = [(p, s) for p in points if (s := getattr(p, attribute).get(metric)) is not None]
        found = [(p, s) for p, s in found if s.value is not None]
        if not found:
            continue
        above = [0 if s.upper is None else s.upper - s.value for _, s in found]
        below = [0 if s.lower is None else s.value - s.lower for _, s in found]
        figure.add_scatter(
            x=[p.sequence for p, _ in found],
            y=[s.value for _, s in found],
            error_y={"array": above, "arrayminus": below, "thickness": 1, "width": 2},
            text=[plain_label(p.snapshot) for p, _ in found],
            hovertemplate=f"%{{text}}<br>{plain_label(metric)} %{{y:.4g}} ({name})<extra></extra>",
            mode="lines+markers" if len(found) > 1 else "markers",
            line={"color": colour, "dash": dash},
            marker={"size": 5},
            name=name,
            row=1,
            col=1,
        )


def _line(figure: go.Figure, points: Sequence[TimelinePoint], bound: float) -> None:
    figure.add_scatter(
        x=[points[0].sequence, points[-1].sequence],
        y=[bound, bound],
        mode="lines",
        line={"color": RED, "dash": "dash", "width": 1},
        hovertemplate="threshold %{y:.4g}<extra></extra>",
        name="threshold",
        row=1,
        col=1,
    )


def _champions(figure: go.Figure, points: Sequence[TimelinePoint]) -> None:
    """Mark where another version began to serve, on the two upper tracks."""
    serving: int | None = None
    for point in points:
        if point.champion is not None and point.champion != serving:
            for row in (1, 2):
                figure.add_vline(
                    x=point.sequence,
                    line={"color": GREEN, "width": 1, "dash": "dot"},
                    row=row,
                    col=1,
                )
            serving = point.champion


def _drift(figure: go.Figure, points: Sequence[TimelinePoint]) -> None:
    tested = [p for p in points if p.n_tested]
    colours = {True: RED, False: GREY, None: SKY}
    figure.add_bar(
        x=[p.sequence for p in tested],
        y=[p.n_drifted / p.n_tested for p in tested],
        marker={"color": [colours[p.is_drift] for p in tested]},
        text=[f"{plain_label(p.snapshot)}: {p.n_drifted} of {p.n_tested} columns" for p in tested],
        textposition="none",
        hovertemplate="%{text}<extra></extra>",
        name="drifted columns",
        row=2,
        col=1,
    )


def _volume(figure: go.Figure, points: Sequence[TimelinePoint]) -> None:
    """Draw rows as bars, coloured from below by the share of cells that is missing."""
    shown = [p for p in points if p.rows is not None]
    missing = [(p.rows or 0) * (p.missing or 0.0) for p in shown]
    whole = [(p.rows or 0) - part for p, part in zip(shown, missing, strict=True)]
    edge = {"color": BLUE, "width": 1}
    for name, heights, marker in (
        ("missing", missing, {"color": ORANGE}),
        ("rows", whole, {"color": FADED_BLUE, "line": edge if len(shown) <= _EDGED else None}),
    ):
        figure.add_bar(
            x=[p.sequence for p in shown],
            y=heights,
            marker=marker,
            text=[_volume_text(p) for p in shown],
            textposition="none",
            hovertemplate="%{text}<extra></extra>",
            name=name,
            row=3,
            col=1,
        )


def _volume_text(point: TimelinePoint) -> str:
    missing = "" if point.missing is None else f", {point.missing:.1%} of cells missing"
    return f"{plain_label(point.snapshot)}: {point.rows:,} rows{missing}"


def _events(figure: go.Figure, points: Sequence[TimelinePoint]) -> None:
    lanes: dict[str, list[TimelinePoint]] = {}
    for point in points:
        lanes.setdefault(point.decision or point.state, []).append(point)
    drifted = [point for point in points if point.is_drift]
    for kind in [kind for kind in reversed(_LANES) if kind in lanes]:
        _lane(figure, lanes[kind], _LANES[kind])
    for switch, look in _BREAKER.items():
        switched = [point for point in points if point.breaker == switch]
        if switched:
            _lane(figure, switched, look)
    if drifted:
        _lane(figure, drifted, ("drift", "triangle-up", RED))


def _lane(figure: go.Figure, points: Sequence[TimelinePoint], look: tuple[str, str, str]) -> None:
    name, symbol, colour = look
    marker: dict[str, Any] = {"symbol": symbol, "color": colour, "size": 10}
    figure.add_scatter(
        x=[p.sequence for p in points],
        y=[name] * len(points),
        mode="markers",
        marker=marker,
        text=[f"{plain_label(p.snapshot)}: {plain_label(p.reason or name, 90)}" for p in points],
        hovertemplate="%{text}<extra></extra>",
        name=name,
        row=4,
        col=1,
    )
