"""Drift over time: a heat map, a quadrant of effect and importance, the joint test."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from calmops_flows.charts.style import (
    BLUE,
    GREY,
    HEAT,
    LEDGER_AXIS,
    ORANGE,
    RED,
    arranged,
    empty_figure,
    plain_label,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from calmops_flows.read.attribution import Attribution
    from calmops_flows.read.drift_past import DriftPast

# Above the map: beside it, it would take a quarter of a telephone's width.
_ABOVE = {
    "orientation": "h",
    "title": {"text": "effect", "side": "right"},
    "thickness": 10,
    "len": 0.6,
    "x": 0.0,
    "xanchor": "left",
    "y": 1.0,
    "yanchor": "bottom",
}
_NAMED = 0.05  # of the largest effect times importance; others crowd one another


def heat_map(past: DriftPast) -> go.Figure:
    """Draw the effect of each column on each snapshot, with drifted cells marked.

    Effects beyond the 98th percentile have the last colour, so that one outlier hides nothing.

    Parameters
    ----------
    past : DriftPast
        Its cells are drawn, the column that drifted most often on top.

    Returns
    -------
    plotly.graph_objects.Figure
        A cell per column and snapshot; a dot where a test counts as drift.
    """
    import plotly.graph_objects as go

    if not past.cells:
        return empty_figure("No snapshot of this range was compared with a reference.")
    drawn = {cell.name for cell in past.cells}
    names = list(dict.fromkeys(c.name for c in past.columns if c.name in drawn))
    places = {name: i for i, name in enumerate(names)}
    sequences = list(past.snapshots)
    columns = {sequence: i for i, sequence in enumerate(sequences)}
    effects: list[list[float | None]] = [[None] * len(sequences) for _ in names]
    hover = [[""] * len(sequences) for _ in names]
    for cell in past.cells:
        row, column = places[cell.name], columns[cell.sequence]
        effects[row][column] = cell.effect if cell.is_drift is not None else None
        p = "" if cell.p_value is None else f", adjusted p {cell.p_value:.2g}"
        said = "untestable" if cell.effect is None else f"effect {cell.effect:.3g}{p}"
        hover[row][column] = f"{plain_label(cell.detector)}: {said}"
    known = sorted(e for row in effects for e in row if e is not None)
    top = known[min(len(known) - 1, math.ceil(0.98 * len(known)) - 1)] if known else 1.0
    labels = [plain_label(name, 24) for name in names]
    figure = go.Figure()
    figure.add_heatmap(
        z=effects,
        x=[str(s) for s in sequences],
        y=_distinct(labels),
        text=hover,
        hovertemplate="%{y} on snapshot %{x}<br>%{text}<extra></extra>",
        colorscale=[list(step) for step in HEAT],
        zmin=0,
        zmax=top or 1.0,
        colorbar=_ABOVE,
        xgap=1,
        ygap=1,
    )
    _marks(figure, past, places, _distinct(labels))
    arranged(figure, height=180 + 20 * len(names))
    figure.update_yaxes(autorange="reversed", automargin=True, type="category")
    figure.update_xaxes(type="category", nticks=8, automargin=True, title={"text": LEDGER_AXIS})
    figure.update_layout(showlegend=False, margin={"t": 56})
    return figure


def _distinct(labels: list[str]) -> list[str]:
    """Tell labels apart that became alike when they were cut."""
    seen: dict[str, int] = {}
    found = []
    for text in labels:
        seen[text] = seen.get(text, 0) + 1
        found.append(text if seen[text] == 1 else f"{text} ({seen[text]})")
    return found


def _marks(figure: go.Figure, past: DriftPast, places: dict[str, int], labels: list[str]) -> None:
    drifted = [cell for cell in past.cells if cell.is_drift]
    figure.add_scatter(
        x=[str(cell.sequence) for cell in drifted],
        y=[labels[places[cell.name]] for cell in drifted],
        mode="markers",
        marker={"color": "white", "size": 5, "line": {"color": "#1a1a1a", "width": 1}},
        hoverinfo="skip",
        name="drift",
    )


def quadrant(attribution: Attribution) -> go.Figure:
    """Draw how far each column moved against what the champion loses without it.

    Parameters
    ----------
    attribution : Attribution
        Of one snapshot.

    Returns
    -------
    plotly.graph_objects.Figure
        A point per column whose importance was measured; the upper right matters.
    """
    import plotly.graph_objects as go

    shown = [column for column in attribution.columns if column.importance is not None]
    if not shown:
        return empty_figure(attribution.reason or "No importance was measured.")
    edge = _NAMED * max((column.score or 0.0 for column in shown), default=0.0)
    named = {id(column) for column in shown if column.is_drift and (column.score or 0.0) > edge}
    figure = go.Figure()
    for name, colour, symbol, is_drift in (
        ("drifted", RED, "triangle-up", True),
        ("not drifted", GREY, "circle", False),
    ):
        mine = [column for column in shown if column.is_drift is is_drift]
        if mine:
            figure.add_scatter(
                x=[column.effect_size for column in mine],
                y=[column.importance for column in mine],
                text=[plain_label(c.name, 18) if id(c) in named else "" for c in mine],
                customdata=[plain_label(c.name) for c in mine],
                hovertemplate="%{customdata}: effect %{x:.3g}, importance %{y:.3g}<extra></extra>",
                mode="markers+text",
                textposition="top center",
                cliponaxis=False,
                marker={"color": colour, "symbol": symbol, "size": 9},
                name=name,
            )
    y = f"loss of {plain_label(attribution.metric or 'the metric')} without it"
    return arranged(figure, x="effect: how far it moved", y=y, height=380)


def joint_figure(past: DriftPast) -> go.Figure:
    """Draw the effect of the test of all columns together over the snapshots."""
    import plotly.graph_objects as go

    shown = [point for point in past.joint if point.effect is not None]
    if not shown:
        return empty_figure("No test of all columns together was run in this range.")
    figure = go.Figure()
    figure.add_scatter(
        x=[point.sequence for point in shown],
        y=[point.effect for point in shown],
        mode="lines+markers",
        line={"color": BLUE},
        marker={
            "color": [RED if point.is_drift else BLUE for point in shown],
            "symbol": ["triangle-up" if point.is_drift else "circle" for point in shown],
            "size": 8,
        },
        hovertemplate="snapshot %{x}: effect %{y:.3g}<extra></extra>",
        name="effect",
    )
    return arranged(figure, x=LEDGER_AXIS, y="joint effect", height=280)


def attribution_figure(attribution: Attribution, most: int = 15) -> go.Figure:
    """Draw effect times importance by column, drifted ones first."""
    import plotly.graph_objects as go

    shown = [column for column in attribution.columns if column.score is not None][:most]
    if not shown:
        return empty_figure(attribution.reason or "No importance was measured.")
    figure = go.Figure()
    figure.add_bar(
        x=[column.score for column in shown],
        y=_distinct([plain_label(column.name, 24) for column in shown]),
        orientation="h",
        marker={"color": [RED if column.is_drift else ORANGE for column in shown]},
        hovertemplate="%{y}: %{x:.3g}<extra></extra>",
        name="effect times importance",
    )
    arranged(figure, x="effect times importance", height=100 + 24 * len(shown))
    figure.update_yaxes(autorange="reversed", automargin=True)
    return figure
