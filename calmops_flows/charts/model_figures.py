"""Versions over time, champion against challenger, blocks, IPIP's ensembles, costs of steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from calmops_flows.charts.style import (
    BLUE,
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

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import plotly.graph_objects as go

    from calmops_flows.read import BlockView, VersionView
    from calmops_flows.read.judged import Judged, Tried

_STATUS = {
    "champion": ("serves", "star", GREEN),
    "retired": ("served before", "circle", BLUE),
    "candidate": ("candidate", "x", GREY),
    "removed": ("removed", "circle-open", ORANGE),
}
_CYCLE = (BLUE, ORANGE, GREEN, PINK, SKY, RED, GREY)


def versions_figure(versions: Sequence[VersionView], metric: str) -> go.Figure:
    """Draw each version's score on its holdout when it was fitted, by what became of it."""
    import plotly.graph_objects as go

    shown = [version for version in versions if version.metrics.get(metric) is not None]
    if not shown:
        return empty_figure("No version has this metric.")
    figure = go.Figure()
    for status, (name, symbol, colour) in _STATUS.items():
        mine = [version for version in shown if version.status == status]
        if mine:
            figure.add_scatter(
                x=[version.version for version in mine],
                y=[version.metrics[metric] for version in mine],
                text=[
                    f"version {v.version}, {plain_label(v.mode)}, from {plain_label(v.snapshot)}"
                    for v in mine
                ],
                hovertemplate="%{text}: %{y:.4g}<extra></extra>",
                mode="markers",
                marker={"symbol": symbol, "color": colour, "size": 11},
                name=name,
            )
    arranged(figure, x="version", y=f"{plain_label(metric)} on its holdout", height=300)
    figure.update_xaxes(tickformat="d")
    return figure


def contests_figure(tried: Sequence[Tried], most: int = 40) -> go.Figure:
    """Draw the gain of each challenger over the champion with its interval."""
    import plotly.graph_objects as go

    shown = [one for one in tried if one.difference is not None][-most:]
    if not shown:
        return empty_figure("No challenger was compared with a champion in this range.")
    figure = go.Figure()
    names = [_contest(one) for one in shown]
    for name, colour, symbol, is_chosen in (
        ("took over", GREEN, "star", True),
        ("did not", GREY, "x", False),
    ):
        mine = [
            (label, one)
            for label, one in zip(names, shown, strict=True)
            if one.is_chosen is is_chosen
        ]
        if mine:
            figure.add_scatter(
                x=[one.difference for _, one in mine],
                y=[label for label, _ in mine],
                error_x={
                    "array": [
                        0 if one.upper is None else one.upper - (one.difference or 0.0)
                        for _, one in mine
                    ],
                    "arrayminus": [
                        0 if one.lower is None else (one.difference or 0.0) - one.lower
                        for _, one in mine
                    ],
                    "thickness": 1.5,
                },
                hovertemplate="%{y}: gain %{x:.4g}<extra></extra>",
                mode="markers",
                marker={"symbol": symbol, "color": colour, "size": 9},
                name=name,
            )
    figure.add_vline(x=0, line={"color": RED, "dash": "dash", "width": 1})
    metric = plain_label(shown[-1].metric or "metric")
    arranged(figure, x=f"gain in {metric}")
    figure.update_layout(height=140 + 22 * len(shown))
    figure.update_yaxes(
        automargin=True, type="category", categoryorder="array", categoryarray=names[::-1]
    )
    return figure


def _contest(one: Tried) -> str:
    version = f" v{one.version}" if one.version is not None else ""
    return f"{one.sequence}: {plain_label(one.mode, 26)}{version}"


def blocks_figure(blocks: Sequence[BlockView], metric: str) -> go.Figure:
    """Draw the champion's score on the newest content of each block."""
    import plotly.graph_objects as go

    shown = [block for block in blocks if block.metrics.get(metric) is not None]
    if not shown:
        return empty_figure("No block was scored by this metric.")
    figure = go.Figure()
    for name, colour, is_drift in (("drift", RED, True), ("no drift", BLUE, False)):
        mine = [block for block in shown if bool(block.is_drift) is is_drift]
        if mine:
            figure.add_bar(
                x=[plain_label(block.block, 18) for block in mine],
                y=[block.metrics[metric] for block in mine],
                marker={"color": colour},
                text=[f"{block.metrics[metric]:.3g}" for block in mine],
                hovertemplate="block %{x}: %{y:.4g}<extra></extra>",
                name=name,
            )
    arranged(figure, x="block", y=plain_label(metric))
    order = [plain_label(block.block, 18) for block in shown]
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=order)
    return figure


def details_figure(versions: Sequence[VersionView], names: Sequence[str], y: str) -> go.Figure:
    """Draw quantities of the fitted models over versions, a line each."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for i, name in enumerate(names):
        found = [(v.version, v.details[name]) for v in versions if v.details.get(name) is not None]
        if found:
            figure.add_scatter(
                x=[version for version, _ in found],
                y=[value for _, value in found],
                mode="lines+markers",
                line={"color": _CYCLE[i % len(_CYCLE)], "dash": ("solid", "dash", "dot")[i % 3]},
                name=plain_label(name.replace("_", " ")),
            )
    if not figure.data:
        return empty_figure("No version says this.")
    arranged(figure, x="version", y=y, height=300)
    figure.update_xaxes(tickformat="d")
    figure.update_yaxes(rangemode="tozero")
    return figure


def seconds_figure(judged: Judged) -> go.Figure:
    """Draw what each step took on each snapshot, stacked."""
    import plotly.graph_objects as go

    steps = dict.fromkeys(step for _, _, cost in judged.seconds for step in cost)
    if not steps:
        return empty_figure("No durations were recorded in this range.")
    figure = go.Figure()
    for i, step in enumerate(steps):
        taken: list[tuple[int, float]] = [
            (sequence, cost[step]) for sequence, _, cost in judged.seconds if step in cost
        ]
        figure.add_bar(
            x=[sequence for sequence, _ in taken],
            y=[seconds for _, seconds in taken],
            marker=_fill(i),
            hovertemplate=f"{plain_label(step)}: %{{y:.2f}} s<extra></extra>",
            name=plain_label(step.replace("_", " ")),
        )
    figure.update_layout(barmode="stack")
    return arranged(figure, x=LEDGER_AXIS, y="seconds")


def _fill(i: int) -> Mapping[str, Any]:
    """Return a colour, and a pattern from the second round of colours on."""
    shape = ("", "/", "x", ".")[i // len(_CYCLE) % 4]
    return {"color": _CYCLE[i % len(_CYCLE)], "pattern": {"shape": shape}}
