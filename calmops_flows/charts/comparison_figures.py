"""A generated table beside the real one: distances, distributions, correlations."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from calmops_flows.charts.style import BLUE, GREY, ORANGE, arranged, empty_figure, plain_label

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from calmops_flows.compared import ColumnComparison, GeneratedComparison, Shares

MOST_COLUMNS, MOST_PAIRS = 40, 15
_SAID = ((True, ORANGE, "different"), (False, BLUE, "alike"), (None, GREY, "untestable"))
_SIDES = (("real", GREY), ("generated", BLUE))


def distances_figure(found: GeneratedComparison) -> go.Figure:
    """Draw how far apart each column is, the most different on top.

    Parameters
    ----------
    found : GeneratedComparison
        At most 40 columns are drawn.

    Returns
    -------
    plotly.graph_objects.Figure
        A bar per column; colours say what the test says.
    """
    import plotly.graph_objects as go

    shown = found.columns[:MOST_COLUMNS]
    figure = go.Figure()
    for is_different, colour, said in _SAID:
        mine = [place for place, one in enumerate(shown) if one.is_different is is_different]
        if not mine:
            continue
        figure.add_bar(
            x=[shown[place].distance or 0.0 for place in mine],
            y=mine,
            orientation="h",
            marker={"color": colour},
            text=[_tested(shown[place]) for place in mine],
            textposition="none",
            hovertemplate="%{text}<extra></extra>",
            name=said,
        )
    figure.update_layout(barmode="overlay")  # else each colour has a lane of its own
    figure.update_xaxes(rangemode="tozero")
    return _listed(figure, [one.name for one in shown], x="distance, from 0 to 1")


def _tested(one: ColumnComparison) -> str:
    name = plain_label(one.name)
    if one.distance is None:
        return f"{name}: {plain_label(one.reason or 'untestable', 60)}"
    p = "" if one.p_value is None else f", adjusted p {one.p_value:.2g}"
    return f"{name}: {one.test} {one.distance:.3g}{p}"


def _listed(figure: go.Figure, names: list[str], *, x: str) -> go.Figure:
    """Write names beside the lines 0, 1, …; names that are cut to the same text stay apart."""
    arranged(figure, x=x, height=120 + 26 * len(names))
    figure.update_yaxes(
        automargin=True,
        tickvals=list(range(len(names))),
        ticktext=[plain_label(name, 24) for name in names],
        range=[len(names) - 0.5, -0.5],
    )
    return figure


def shares_figure(one: ColumnComparison) -> go.Figure:
    """Draw a column of the real and of the generated rows over common bins.

    Parameters
    ----------
    one : ColumnComparison
        A column of a comparison.

    Returns
    -------
    plotly.graph_objects.Figure
        Shares of the rows that have a value: steps of numbers and dates, bars of categories.
    """
    import plotly.graph_objects as go

    if not one.shares.labels:
        return empty_figure("There are no values to draw.")
    figure = go.Figure()
    for (name, colour), values in zip(_SIDES, (one.shares.real, one.shares.generated), strict=True):
        if one.shares.is_ordered:
            _steps(figure, one.shares, values, name, colour)
        else:
            figure.add_bar(
                x=[plain_label(label, 24) for label in one.shares.labels],
                y=list(values),
                marker={"color": colour},
                name=name,
                hovertemplate=f"{name}: %{{x}}, %{{y:.1%}}<extra></extra>",
            )
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    return arranged(figure, x=plain_label(one.name), y="share of rows")


def _steps(
    figure: go.Figure, shares: Shares, values: tuple[float, ...], name: str, colour: str
) -> None:
    edges = [plain_label(label) for label in shares.labels]
    spans = [f"{low} to {high}" for low, high in pairwise(edges)]
    figure.add_scatter(
        x=list(range(len(edges))),
        y=[*values, values[-1]],  # the last bin ends where the last edge is
        mode="lines",
        line={
            "color": colour,
            "shape": "hv",
            "width": 2.5,
            "dash": "dot" if name == "real" else "solid",
        },
        text=[*spans, spans[-1]],
        hovertemplate=f"{name}: %{{text}}, %{{y:.1%}}<extra></extra>",
        name=name,
    )
    at = sorted({0, len(edges) // 2, len(edges) - 1})
    room = 0.03 * len(edges)  # for the texts at both ends
    figure.update_xaxes(
        tickvals=at, ticktext=[edges[place] for place in at], range=[-room, len(edges) - 1 + room]
    )


def correlations_figure(found: GeneratedComparison) -> go.Figure:
    """Draw the correlations that differ most, real and generated.

    Parameters
    ----------
    found : GeneratedComparison
        At most 15 pairs are drawn.

    Returns
    -------
    plotly.graph_objects.Figure
        A line per pair, with a mark for either table.
    """
    import plotly.graph_objects as go

    shown = found.pairs[:MOST_PAIRS]
    if not shown:
        return empty_figure("There are no two numeric columns with a spread.")
    names = [" and ".join(pair.columns) for pair in shown]
    figure = go.Figure()
    for place, pair in enumerate(shown):
        figure.add_scatter(
            x=[pair.real, pair.generated],
            y=[place, place],
            mode="lines",
            line={"color": GREY, "width": 1},
            hoverinfo="skip",
            showlegend=False,
        )
    for (side, colour), symbol, values in (
        (_SIDES[0], "circle-open", [pair.real for pair in shown]),
        (_SIDES[1], "circle", [pair.generated for pair in shown]),
    ):
        figure.add_scatter(
            x=values,
            y=list(range(len(shown))),
            text=[plain_label(name, 60) for name in names],
            mode="markers",
            marker={"color": colour, "symbol": symbol, "size": 10},
            name=side,
            hovertemplate=f"{side}: %{{text}}, %{{x:.3f}}<extra></extra>",
        )
    return _listed(figure, names, x="correlation")
