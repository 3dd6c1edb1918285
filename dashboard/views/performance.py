"""Performance: scores over time, and what the model did on all rows of one snapshot."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from calmops_flows.charts import (
    by_block_figure,
    calibration_figure,
    confusion_figure,
    curves_figure,
    residual_fan_figure,
    residuals_figure,
    scores_figure,
)
from calmops_flows.charts.count_figures import calibration_points, recall_points, roc_points
from calmops_flows.read.judged import judged
from calmops_flows.read.score_counts import ScoreCounts, counted, score_counts
from calmops_flows.read.timeline import Timeline, timeline
from frame.address import pick, pick_window
from frame.page import page, part, pick_pipeline
from frame.tables import Rows, show_chart, show_table
from frame.words import note, nothing, number, plain, when


def score_rows(past: Timeline, metric: str) -> Rows:
    """Return a metric of every snapshot as cells."""
    return [
        {
            "number": point.sequence,
            "snapshot": point.snapshot,
            "basis": basis,
            "value": score.value,
            "lower": score.lower,
            "upper": score.upper,
            "at": when(point.at),
        }
        for point in reversed(past.points)
        for basis, scores in (
            ("on arrival", point.scores),
            ("from later labels", point.realised),
            ("estimated", point.estimated),
        )
        if (score := scores.get(metric)) is not None
    ]


def show_classes(counts: ScoreCounts) -> None:
    """Draw matrix and curves of a classifier."""
    matrix = [
        {
            "true": label,
            **{f"predicted {said}": n for said, n in zip(counts.labels, row, strict=True)},
        }
        for label, row in zip(counts.labels, counts.confusion, strict=True)
    ]
    show_chart(confusion_figure(counts), matrix, "confusion", title="Confusion matrix")
    if not counts.classes:
        note("The model gives no probabilities, so there are no curves.")
        return
    for kind, title, draw, names in (
        ("roc", "ROC", roc_points, ("false positive rate", "true positive rate")),
        ("recall", "Precision over recall", recall_points, ("recall", "precision")),
    ):
        rows = [
            {"class": one.label, names[0]: a, names[1]: b}
            for one in counts.classes
            for a, b in draw(one)
        ]
        show_chart(curves_figure(counts, kind=kind), rows, kind, title=title)
    rows = [
        {"class": one.label, "stated": stated, "share that is so": share, "rows": n}
        for one in counts.classes
        for stated, share, n in calibration_points(one)
    ]
    show_chart(calibration_figure(counts), rows, "calibration", title="Calibration")
    note("Curves are drawn from counts of all rows in 100 bins of probability.")


def show_residuals(counts: ScoreCounts) -> None:
    """Draw the residuals of a regression."""
    rows = [
        {"from": low, "to": high, "rows": n}
        for low, high, n in zip(counts.edges, counts.edges[1:], counts.residuals, strict=False)
    ]
    show_chart(residuals_figure(counts), rows, "residuals", title="Residuals")
    rows = [
        {
            "mean prediction": one.predicted,
            "rows": one.n_rows,
            "5 %": one.low,
            "median": one.median,
            "95 %": one.high,
        }
        for one in counts.slices
    ]
    show_chart(
        residual_fan_figure(counts), rows, "residual-fan", title="Residuals over predictions"
    )


with page("Performance") as store:
    left, middle, right = st.columns(3)
    with left:
        view = pick_pipeline(store)
    with middle:
        window = pick_window()
    now = datetime.now(UTC)
    past = timeline(store, view.name, window, now=now)
    if not past.metrics:
        nothing(
            "Nothing was scored in this range: the first snapshot trains, the second one is the "
            "first to be scored.",
            f"calmops run {view.name}",
        )
        st.stop()
    with right:
        metric = pick("Metric", past.metrics, "metric", default=past.metric)
    show_chart(
        scores_figure(past, [metric]),
        score_rows(past, metric),
        "scores",
        title="The champion's score before it learns",
    )
    note("Bars: 95 % intervals for independent rows; estimates state their own error.")
    if any(point.block is not None for point in past.points):
        rows = [
            {"block": p.block, "number": p.sequence, metric: p.scores[metric].value}
            for p in past.points
            if metric in p.scores
        ]
        show_chart(by_block_figure(past, metric), rows, "by-block", title="By block")
    with part():
        known = counted(store, view.name, window, now=now)
        labels = {p.digest: p.snapshot for p in reversed(past.decided) if p.digest in known}
        if labels:
            digest = pick("Snapshot", list(labels), "snapshot", shown=labels)
            counts = score_counts(store, view.name, digest)
            if counts is not None:
                note(f"Version on duty when {plain(labels[digest])} came; {counts.n_rows:,} rows.")
                (show_residuals if counts.task == "regression" else show_classes)(counts)
        else:
            nothing("No labelled snapshot of this range was scored, so there is nothing to count.")
    st.subheader("Concept drift")
    with part():
        states = judged(store, view.name, window, now=now).concept
        if not states:
            nothing(
                "No detector watches the champion's errors. Name one in the spec:",
                f"calmops update {view.name} drift.concept=auto",
            )
        else:
            show_table(
                [
                    {
                        "number": one.sequence,
                        "snapshot": one.snapshot,
                        "verdict": {True: "no change", False: "drift", None: "untestable"}[
                            one.passed
                        ],
                        "observed": number(one.observed),
                        "bound": number(one.threshold),
                        "note": one.note,
                    }
                    for one in reversed(states)
                ],
                "concept",
            )
