"""Scores over time: of all snapshots, and block by block."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calmops_flows.charts.style import (
    CYCLE,
    DASHES,
    LEDGER_AXIS,
    arranged,
    empty_figure,
    plain_label,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import plotly.graph_objects as go

    from calmops_flows.read.timeline import Timeline, TimelinePoint


def scores_figure(timeline: Timeline, metrics: Sequence[str]) -> go.Figure:
    """Draw metrics of the champion over snapshots: realised lines, estimated dots, intervals.

    Parameters
    ----------
    timeline : Timeline
        A part of the past.
    metrics : sequence of str
        Drawn in one colour each.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    for colour, metric in zip(CYCLE * 3, metrics, strict=False):
        for attribute, name, dash, symbol in (
            ("scores", "", "solid", "circle"),
            ("realised", " (later labels)", "dash", "square"),
            ("estimated", " (estimated)", "dot", "diamond-open"),
        ):
            found = [
                (point, score)
                for point in timeline.points
                if (score := getattr(point, attribute).get(metric)) is not None
                and score.value is not None
            ]
            if not found:
                continue
            figure.add_scatter(
                x=[point.sequence for point, _ in found],
                y=[score.value for _, score in found],
                error_y={
                    "array": [0 if s.upper is None else s.upper - s.value for _, s in found],
                    "arrayminus": [0 if s.lower is None else s.value - s.lower for _, s in found],
                    "thickness": 1,
                    "width": 2,
                },
                text=[plain_label(point.snapshot) for point, _ in found],
                hovertemplate=f"%{{text}}<br>{plain_label(metric)}{name} %{{y:.4g}}<extra></extra>",
                mode="lines+markers",
                line={"color": colour, "dash": dash},
                marker={"symbol": symbol, "size": 6},
                name=f"{plain_label(metric)}{name}",
            )
    if not figure.data:
        return empty_figure("No snapshot of this range was scored.")
    y = plain_label(metrics[0]) if len(metrics) == 1 else "score"
    return arranged(figure, x=LEDGER_AXIS, y=y)


def by_block_figure(timeline: Timeline, metric: str) -> go.Figure:
    """Draw a metric of the champion over snapshots, a line per block."""

    def score(point: TimelinePoint) -> float | None:
        return point.scores[metric].value if metric in point.scores else None

    return _by_block(timeline, score, plain_label(metric))


def drifted_by_block_figure(timeline: Timeline) -> go.Figure:
    """Draw the share of the tested columns that drifted over snapshots, a line per block."""

    def share(point: TimelinePoint) -> float | None:
        return point.n_drifted / point.n_tested if point.n_tested else None

    figure = _by_block(timeline, share, "share of columns that drifted")
    return figure.update_yaxes(tickformat=".0%", rangemode="tozero")


def _by_block(
    timeline: Timeline, value_of: Callable[[TimelinePoint], float | None], y: str
) -> go.Figure:
    import plotly.graph_objects as go

    blocks = sorted({point.block for point in timeline.points if point.block is not None})
    figure = go.Figure()
    for i, block in enumerate(blocks):
        mine = [point for point in timeline.points if point.block == block]
        found = [(p, value) for p in mine if (value := value_of(p)) is not None]
        if found:
            figure.add_scatter(
                x=[point.sequence for point, _ in found],
                y=[value for _, value in found],
                text=[plain_label(point.snapshot) for point, _ in found],
                hovertemplate="%{text}: %{y:.4g}<extra></extra>",
                mode="lines+markers",
                line={"color": CYCLE[i % len(CYCLE)], "dash": DASHES[i // len(CYCLE) % 4]},
                name=plain_label(block, 18),
            )
    if not figure.data:
        return empty_figure("No block of this range has this.")
    return arranged(figure, x=LEDGER_AXIS, y=y)
