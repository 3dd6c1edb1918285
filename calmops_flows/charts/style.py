"""Colours that most eyes tell apart (Okabe and Ito), and labels that are only text."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from calmops_flows.logs import inert

if TYPE_CHECKING:
    import plotly.graph_objects as go

BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#7F7F7F"
MAX_LABEL = 40


def plain_label(text: str) -> str:
    """Return text that plotly shows as it is: no markup, no control characters."""
    shown = inert(text)
    return escape(shown if len(shown) <= MAX_LABEL else f"{shown[: MAX_LABEL - 3]}...")


def empty_figure(message: str) -> go.Figure:
    """Return a figure that only says why there is nothing to draw."""
    import plotly.graph_objects as go

    figure = go.Figure()
    figure.add_annotation(text=escape(message), showarrow=False)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return figure
