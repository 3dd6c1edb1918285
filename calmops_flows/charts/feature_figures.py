"""One column: reference and current overlaid, and its quantiles over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from calmops_flows.charts.style import (
    BLUE,
    FADED_BLUE,
    GREY,
    LEDGER_AXIS,
    ORANGE,
    arranged,
    empty_figure,
    plain_label,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import plotly.graph_objects as go

    from calmops_flows.read.feature import Distribution, FeaturePoint, FeatureView

N_BINS = 30
_LOOKS = (("reference", GREY, 0.55), ("current", BLUE, 0.55))


def histogram_figure(view: FeatureView) -> go.Figure:
    """Overlay reference and current: bars of levels, or a histogram with common bins.

    Parameters
    ----------
    view : FeatureView
        A column of a snapshot.

    Returns
    -------
    plotly.graph_objects.Figure
        Shares of the rows that have a value.
    """
    import plotly.graph_objects as go

    both = _both(view)
    if not any(one.values or one.levels for _, one in both):
        return empty_figure("There are no values to draw.")
    figure = go.Figure()
    if any(one.levels for _, one in both):
        _levels(figure, both)
        return arranged(figure, y="share of rows")
    edges = _edges([one for _, one in both])
    for (name, one), (_, colour, opacity) in zip(both, _looks(both), strict=True):
        shares = np.diff(_at(one, edges))
        figure.add_bar(
            x=((edges[1:] + edges[:-1]) / 2).tolist(),
            y=shares.tolist(),
            width=np.diff(edges).tolist(),
            opacity=opacity,
            marker={"color": colour},
            name=name,
            hovertemplate=f"{name}: near %{{x:.4g}}, %{{y:.1%}}<extra></extra>",
        )
    figure.update_layout(barmode="overlay")
    figure.update_yaxes(tickformat=".0%")
    return arranged(figure, x=plain_label(view.name), y="share of rows")


def ecdf_figure(view: FeatureView) -> go.Figure:
    """Draw the distribution functions of reference and current of a numeric column."""
    import plotly.graph_objects as go

    both = [(name, one) for name, one in _both(view) if one.values]
    if not both:
        return empty_figure("Only numbers and dates have a distribution function.")
    figure = go.Figure()
    for (name, one), (_, colour, _) in zip(both, _looks(both), strict=True):
        figure.add_scatter(
            x=list(one.values),
            y=list(one.shares),
            mode="lines",
            line={
                "color": colour,
                "shape": "hv",
                "dash": "dot" if name == "reference" else "solid",
            },
            name=name,
            hovertemplate=f"{name}: %{{y:.1%}} at or below %{{x:.4g}}<extra></extra>",
        )
    figure.update_yaxes(tickformat=".0%", range=[0, 1.02])
    return arranged(figure, x=plain_label(view.name), y="share of rows at or below")


def fan_figure(past: Sequence[FeaturePoint], name: str) -> go.Figure:
    """Draw the quantiles of a numeric column over snapshots: median, middle half, 5 to 95 %."""
    import plotly.graph_objects as go

    shown = [point for point in past if point.distribution.quantiles]
    if not shown:
        return empty_figure("Quantiles are known for numbers and dates only.")
    x = [point.sequence for point in shown]
    bands = [[point.distribution.quantiles[i] for point in shown] for i in range(5)]
    figure = go.Figure()
    for low, high, title in ((0, 4, "5 to 95 %"), (1, 3, "middle half")):
        figure.add_scatter(
            x=[*x, *x[::-1]],
            y=[*bands[high], *bands[low][::-1]],
            mode="lines",
            fill="toself",
            fillcolor=FADED_BLUE,
            line={"width": 0},
            hoverinfo="skip",
            name=title,
        )
    figure.add_scatter(
        x=x,
        y=bands[2],
        mode="lines+markers",
        line={"color": BLUE},
        text=[plain_label(point.snapshot) for point in shown],
        hovertemplate="%{text}: median %{y:.4g}<extra></extra>",
        name="median",
    )
    return arranged(figure, x=LEDGER_AXIS, y=plain_label(name))


def missing_figure(past: Sequence[FeaturePoint]) -> go.Figure:
    """Draw the share of missing values of a column over snapshots."""
    import plotly.graph_objects as go

    shown = [point for point in past if point.distribution.missing is not None]
    if not shown:
        return empty_figure("No profile of this range is kept.")
    if not any(point.distribution.missing for point in shown):
        return arranged(empty_figure("No value is missing."), height=120)
    figure = go.Figure()
    figure.add_bar(
        x=[point.sequence for point in shown],
        y=[point.distribution.missing for point in shown],
        marker={"color": ORANGE},
        text=[plain_label(point.snapshot) for point in shown],
        textposition="none",
        hovertemplate="%{text}: %{y:.2%} missing<extra></extra>",
        name="missing",
    )
    figure.update_yaxes(tickformat=".1%", rangemode="tozero")
    return arranged(figure, x=LEDGER_AXIS, y="missing", height=240)


def _both(view: FeatureView) -> list[tuple[str, Distribution]]:
    pairs = (("reference", view.reference), ("current", view.current))
    return [(name, one) for name, one in pairs if one is not None]


def _looks(both: Sequence[tuple[str, Distribution]]) -> list[tuple[str, str, float]]:
    return [look for look in _LOOKS if look[0] in {name for name, _ in both}]


def _levels(figure: go.Figure, both: Sequence[tuple[str, Distribution]]) -> None:
    for (name, one), (_, colour, _) in zip(both, _looks(both), strict=True):
        figure.add_bar(
            x=[plain_label(level, 18) for level, _ in one.levels],
            y=[share for _, share in one.levels],
            marker={"color": colour},
            name=name,
            hovertemplate=f"{name}: %{{x}}, %{{y:.1%}}<extra></extra>",
        )
    figure.update_layout(barmode="group")
    figure.update_yaxes(tickformat=".0%")
    figure.update_xaxes(type="category", tickangle=-90)


def _edges(columns: Sequence[Distribution]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return common bins from the smallest to the largest value drawn."""
    values = [v for one in columns for v in one.values]
    low, high = min(values), max(values)
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges: np.ndarray[tuple[int], np.dtype[np.float64]] = np.linspace(low, high, N_BINS + 1)
    return edges


def _at(
    one: Distribution, edges: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the share of rows at or below each edge; below the first edge is nobody."""
    steps = np.concatenate(([0.0], one.shares))
    reached = steps[np.searchsorted(one.values, edges, side="right")]
    reached[0] = 0.0
    return reached
