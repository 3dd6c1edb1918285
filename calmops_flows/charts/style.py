"""Colours that most eyes tell apart (Okabe and Ito), and labels that are only text."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from calmops_flows.logs import inert

if TYPE_CHECKING:
    import plotly.graph_objects as go

BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#7F7F7F"
SKY, PINK = "#56B4E9", "#CC79A7"
CYCLE = (BLUE, ORANGE, GREEN, PINK, SKY, RED, GREY)
DASHES = ("solid", "dash", "dot", "dashdot")  # from the second round of colours on
FADED_BLUE, FADED_ORANGE = "rgba(0,114,178,0.22)", "rgba(230,159,0,0.22)"
# From nothing to a lot, one hue, readable on light and on dark ground and without colour.
HEAT = ((0.0, "rgba(127,127,127,0.10)"), (0.35, "#56B4E9"), (0.7, "#E69F00"), (1.0, "#D55E00"))
MAX_LABEL = 40
LEDGER_AXIS = "snapshot, by number in the ledger"
_FEW = 8  # numbers that get a tick each; plotly would write halves between them


def plain_label(text: str, longest: int = MAX_LABEL) -> str:
    """Return text that plotly shows as it is: no markup, no control characters."""
    shown = inert(text)
    return escape(shown if len(shown) <= longest else f"{shown[: longest - 3]}...")


def empty_figure(message: str) -> go.Figure:
    """Return a figure that only says why there is nothing to draw."""
    import plotly.graph_objects as go

    figure = go.Figure()
    figure.add_annotation(text=escape(message), showarrow=False)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return figure


def arranged(figure: go.Figure, *, x: str = "", y: str = "", height: int = 340) -> go.Figure:
    """Give a figure its titles, its height, and a legend that fits a narrow screen."""
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 28, "b": 8},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0.0},
        hoverlabel={"namelength": -1},
        bargap=0.25,
    )
    if x:
        figure.update_xaxes(title={"text": x}, automargin=True)
    if x in {LEDGER_AXIS, "version"}:
        numbers = [n for trace in figure.data for n in (() if trace.x is None else trace.x)]
        if numbers and max(numbers) - min(numbers) <= _FEW:
            figure.update_xaxes(dtick=1)
    if y:
        figure.update_yaxes(title={"text": y}, automargin=True)
    return figure
