"""Plain bars: how often each reason, and a share per snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calmops_flows.charts.style import LEDGER_AXIS, ORANGE, RED, arranged, empty_figure, plain_label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import plotly.graph_objects as go


def codes_figure(codes: Mapping[str, int]) -> go.Figure:
    """Draw how often each reason occurred, the commonest on top."""
    import plotly.graph_objects as go

    if not codes:
        return empty_figure("Nothing was set aside.")
    shown = sorted(codes.items(), key=lambda item: (-item[1], item[0]))[:20]
    figure = go.Figure()
    figure.add_bar(
        x=[number for _, number in shown],
        y=[plain_label(code, 24) for code, _ in shown],
        orientation="h",
        marker={"color": RED},
        text=[str(number) for _, number in shown],
        hovertemplate="%{y}: %{x}<extra></extra>",
        name="files",
    )
    arranged(figure, x="files", height=110 + 28 * len(shown))
    figure.update_yaxes(autorange="reversed", automargin=True, type="category")
    return figure


def share_figure(shares: Sequence[tuple[int, str, float]], name: str) -> go.Figure:
    """Draw a share per snapshot: number in the ledger, label, share."""
    import plotly.graph_objects as go

    if not shares:
        return empty_figure("Nothing is known of this range.")
    if not any(share for _, _, share in shares):
        return arranged(empty_figure(f"{name.capitalize()}: nowhere in this range."), height=120)
    figure = go.Figure()
    figure.add_bar(
        x=[number for number, _, _ in shares],
        y=[share for _, _, share in shares],
        marker={"color": ORANGE},
        text=[plain_label(label) for _, label, _ in shares],
        textposition="none",
        hovertemplate=f"%{{text}}: %{{y:.2%}} {plain_label(name)}<extra></extra>",
        name=plain_label(name),
    )
    figure.update_yaxes(tickformat=".1%", rangemode="tozero")
    return arranged(figure, x=LEDGER_AXIS, y=plain_label(name), height=260)
