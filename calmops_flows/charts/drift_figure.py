"""The tests of one drift report, column by column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calmops_flows.charts.style import GREY, RED, arranged, empty_figure, plain_label

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from calmops_flows.records import ColumnDrift, DriftReport

SHOWN = 30


def drift(report: DriftReport) -> go.Figure:
    """Draw the effect of every test that could be run, the drifted ones first.

    Effects have the units of their detectors: bars of one detector compare.

    Parameters
    ----------
    report : DriftReport
        The 30 tests with the strongest evidence are drawn.

    Returns
    -------
    plotly.graph_objects.Figure
        One bar per test: its effect size, red where it counts as drift.
    """
    import plotly.graph_objects as go

    run = sorted((test for test in report.tests if test.is_drift is not None), key=_rank)[:SHOWN]
    if not run:
        return empty_figure("No column could be tested.")
    figure = go.Figure()
    for name, colour, is_drift in (("drift", RED, True), ("no drift", GREY, False)):
        shown = [test for test in run if test.is_drift is is_drift]
        if shown:
            figure.add_bar(
                x=[test.effect_size or 0.0 for test in shown],
                y=[plain_label(_label(test)) for test in shown],
                orientation="h",
                name=name,
                marker={"color": colour},
                text=[_p_value(test) for test in shown],
                textposition="outside",
                cliponaxis=False,
            )
    effects = [0.0, *(test.effect_size or 0.0 for test in run)]
    if max(effects) > 0:  # room for the longest bar's p-value
        figure.update_xaxes(range=[1.3 * min(effects), 1.3 * max(effects)])
    figure.update_yaxes(autorange="reversed", automargin=True)
    return arranged(figure, x="effect size", height=120 + 26 * len(run))


def _label(test: ColumnDrift) -> str:
    name = "all columns together" if test.name == "*" else test.name
    return f"{name} ({test.detector})"


def _rank(test: ColumnDrift) -> tuple[bool, float, float]:
    p_value = 1.0 if test.adjusted_p_value is None else test.adjusted_p_value
    return (not test.is_drift, p_value, -(test.effect_size or 0.0))


def _p_value(test: ColumnDrift) -> str:
    if test.adjusted_p_value is None:
        return ""
    return f"p {test.adjusted_p_value:.2g}" if test.adjusted_p_value > 0 else "p below 1e-300"
