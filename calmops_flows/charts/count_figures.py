"""What stored counts say of one snapshot: matrix, curves, calibration, residuals."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from calmops_flows.charts.style import (
    BLUE,
    CYCLE,
    DASHES,
    FADED_BLUE,
    GREY,
    SKY,
    arranged,
    empty_figure,
    plain_label,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from calmops_flows.evaluation.score_counts import ClassCounts, ScoreCounts

_FEWEST_IN_BIN = 10


def confusion_figure(counts: ScoreCounts) -> go.Figure:
    """Draw the confusion matrix: rows are true labels, colours are shares of them."""
    import plotly.graph_objects as go

    if not counts.confusion:
        return empty_figure("There are no labels to count.")
    labels = [plain_label(label, 18) for label in counts.labels]
    shares = [[cell / max(sum(row), 1) for cell in row] for row in counts.confusion]
    texts = [
        [f"{cell:,}<br>{cell / max(sum(row), 1):.0%}" for cell in row] for row in counts.confusion
    ]
    figure = go.Figure()
    figure.add_heatmap(
        z=shares,
        x=labels,
        y=labels,
        text=texts,
        texttemplate="%{text}",
        # Opaque and light, so that dark figures can be read on either ground.
        colorscale=[[0.0, "#EEF4F8"], [1.0, SKY]],
        textfont={"color": "#1a1a1a"},
        zmin=0,
        zmax=1,
        showscale=False,
        hovertemplate="true %{y}, predicted %{x}: %{text}<extra></extra>",
    )
    arranged(figure, x="predicted", y="true", height=140 + 60 * len(labels))
    figure.update_xaxes(type="category")
    figure.update_yaxes(type="category", autorange="reversed")
    return figure


def roc_points(one: ClassCounts) -> list[tuple[float, float]]:
    """Return false and true positive rates, from the strictest threshold to the loosest.

    Examples
    --------
    >>> from calmops_flows.evaluation.score_counts import ClassCounts
    >>> roc_points(ClassCounts("a", (0, 2), (2, 0)))
    [(0.0, 0.0), (0.0, 1.0), (1.0, 1.0)]
    """
    hits, misses = sum(one.positives), sum(one.negatives)
    if not hits or not misses:
        return []
    true = accumulate(reversed(one.positives), initial=0)
    false = accumulate(reversed(one.negatives), initial=0)
    return [(f / misses, t / hits) for f, t in zip(false, true, strict=True)]


def recall_points(one: ClassCounts) -> list[tuple[float, float]]:
    """Return recall and precision, from the strictest threshold to the loosest."""
    hits = sum(one.positives)
    true = list(accumulate(reversed(one.positives)))
    false = list(accumulate(reversed(one.negatives)))
    return [(t / hits, t / (t + f)) for t, f in zip(true, false, strict=True) if hits and t + f]


def curves_figure(counts: ScoreCounts, *, kind: str) -> go.Figure:
    """Draw ROC (``kind`` "roc") or precision over recall ("recall"), a line per class."""
    import plotly.graph_objects as go

    figure = go.Figure()
    draw = roc_points if kind == "roc" else recall_points
    x, y = ("false positive rate", "true positive rate")
    if kind != "roc":
        x, y = ("recall", "precision")
    for i, one in enumerate(counts.classes):
        points = draw(one)
        if points:
            figure.add_scatter(
                x=[a for a, _ in points],
                y=[b for _, b in points],
                mode="lines",
                line={"color": CYCLE[i % len(CYCLE)], "dash": DASHES[i // len(CYCLE) % 4]},
                name=plain_label(one.label, 18),
            )
    if not figure.data:
        return empty_figure("The model gives no probabilities, or only one class is there.")
    if kind == "roc":
        _diagonal(figure, "by chance")
    figure.update_layout(showlegend=True)
    figure.update_xaxes(range=[0, 1.01])
    figure.update_yaxes(range=[0, 1.02])
    return arranged(figure, x=x, y=y)


def calibration_points(one: ClassCounts, n_bins: int = 10) -> list[tuple[float, float, int]]:
    """Return stated probability, share that is of the class, and rows, by bins of probability."""
    width = max(1, len(one.positives) // n_bins)
    found = []
    for start in range(0, len(one.positives), width):
        positives = one.positives[start : start + width]
        negatives = one.negatives[start : start + width]
        rows = sum(positives) + sum(negatives)
        if rows < _FEWEST_IN_BIN:
            continue
        both = zip(positives, negatives, strict=True)
        stated = sum((start + i + 0.5) * (p + n) for i, (p, n) in enumerate(both))
        found.append((stated / rows / len(one.positives), sum(positives) / rows, rows))
    return found


def calibration_figure(counts: ScoreCounts) -> go.Figure:
    """Draw how often it is so where the model states a probability."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for i, one in enumerate(counts.classes):
        points = calibration_points(one)
        if points:
            figure.add_scatter(
                x=[stated for stated, _, _ in points],
                y=[share for _, share, _ in points],
                text=[f"{rows:,} rows" for _, _, rows in points],
                hovertemplate="stated %{x:.0%}, is %{y:.0%} (%{text})<extra></extra>",
                mode="lines+markers",
                line={"color": CYCLE[i % len(CYCLE)], "dash": DASHES[i // len(CYCLE) % 4]},
                name=plain_label(one.label, 18),
            )
    if not figure.data:
        return empty_figure("The model gives no probabilities.")
    _diagonal(figure, "well calibrated")
    figure.update_xaxes(range=[0, 1.01], tickformat=".0%")
    figure.update_yaxes(range=[0, 1.02], tickformat=".0%")
    return arranged(figure, x="stated probability", y="share that is so")


def residuals_figure(counts: ScoreCounts) -> go.Figure:
    """Draw the histogram of truth less prediction."""
    import plotly.graph_objects as go

    if not counts.residuals:
        return empty_figure("There are no residuals.")
    figure = go.Figure()
    middles = [(a + b) / 2 for a, b in zip(counts.edges, counts.edges[1:], strict=False)]
    figure.add_bar(
        x=middles,
        y=list(counts.residuals),
        marker={"color": FADED_BLUE, "line": {"color": BLUE, "width": 1}},
        hovertemplate="near %{x:.4g}: %{y:,} rows<extra></extra>",
        name="rows",
    )
    figure.add_vline(x=0, line={"color": GREY, "dash": "dash", "width": 1})
    arranged(figure, x="truth less prediction (outer bars: all beyond)", y="rows")
    figure.update_layout(bargap=0)
    return figure


def residual_fan_figure(counts: ScoreCounts) -> go.Figure:
    """Draw the residuals over the predictions: median and 5 to 95 %."""
    import plotly.graph_objects as go

    if not counts.slices:
        return empty_figure("There are no residuals.")
    x = [one.predicted for one in counts.slices]
    figure = go.Figure()
    figure.add_scatter(
        x=[*x, *x[::-1]],
        y=[*(one.high for one in counts.slices), *(one.low for one in reversed(counts.slices))],
        mode="lines",
        fill="toself",
        fillcolor=FADED_BLUE,
        line={"width": 0},
        hoverinfo="skip",
        name="5 to 95 %",
    )
    figure.add_scatter(
        x=x,
        y=[one.median for one in counts.slices],
        mode="lines+markers",
        line={"color": BLUE},
        hovertemplate="predicted %{x:.4g}: median residual %{y:.4g}<extra></extra>",
        name="median",
    )
    figure.add_hline(y=0, line={"color": GREY, "dash": "dash", "width": 1})
    return arranged(figure, x="prediction", y="truth less prediction")


def _diagonal(figure: go.Figure, name: str) -> None:
    line = {"color": GREY, "dash": "dash", "width": 1}
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line=line, hoverinfo="skip", name=name)
