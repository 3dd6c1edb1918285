"""One feature: reference and current, its past, and every test on it."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from calmops_flows.charts import ecdf_figure, fan_figure, histogram_figure, missing_figure
from calmops_flows.read.feature import (
    MOST_PROFILES,
    Distribution,
    feature,
    feature_names,
    feature_past,
)
from calmops_flows.read.timeline import timeline
from frame.address import pick, pick_window
from frame.page import page, part, pick_pipeline
from frame.tables import Rows, show_chart, show_table, test_cells
from frame.words import note, nothing


def rows_of(view: Distribution | None, name: str) -> Rows:
    """Return a distribution as cells."""
    if view is None:
        return []
    if view.levels:
        return [{"of": name, "level": level, "share": share} for level, share in view.levels]
    pairs = zip(view.values, view.shares, strict=True)
    return [{"of": name, "at or below": value, "share": share} for value, share in pairs]


with page("Feature") as store:
    left, right = st.columns(2)
    with left:
        chosen = pick_pipeline(store)
    with right:
        window = pick_window()
    now = datetime.now(UTC)
    decided = timeline(store, chosen.name, window, now=now).decided
    if not decided:
        nothing("No snapshot of this range was processed.", f"calmops run {chosen.name}")
        st.stop()
    labels = {point.digest: point.snapshot for point in reversed(decided)}
    with left:
        digest = pick("Snapshot", list(labels), "snapshot", shown=labels)
    names = feature_names(store, chosen.name, digest)
    if not names:
        nothing(
            "The profile of this snapshot is not kept, and it was not compared.",
            f"calmops run {chosen.name}",
        )
        st.stop()
    with right:
        name = pick("Feature", names, "feature")
    with part():
        view = feature(store, chosen.name, name, digest)
        if view.reason:
            nothing(view.reason)
        rows = [*rows_of(view.reference, "reference"), *rows_of(view.current, "current")]
        if rows:
            show_chart(histogram_figure(view), rows, "values", title="Reference and current")
            if view.current is not None and view.current.values:
                show_chart(ecdf_figure(view), rows, "ecdf", title="Distribution function")
        if view.unseen:
            st.subheader("Levels that the reference does not have")
            show_table([{"level": k, "share": v} for k, v in view.unseen], "unseen")
        st.subheader("Tests")
        show_table([test_cells(test) for test in view.tests], "feature-tests")
    with part():
        past = feature_past(store, chosen.name, name, window, now=now)
        cells = [
            {
                "number": point.sequence,
                "snapshot": point.snapshot,
                "missing": point.distribution.missing,
                **dict(
                    zip(
                        ("5 %", "25 %", "median", "75 %", "95 %"),
                        point.distribution.quantiles,
                        strict=False,
                    )
                ),
            }
            for point in past
        ]
        if any(point.distribution.quantiles for point in past):
            show_chart(fan_figure(past, name), cells, "fan", title="Quantiles over time")
        if past:
            show_chart(missing_figure(past), cells, "missing", title="Missing values over time")
            note(f"At most the newest {MOST_PROFILES} snapshots of the range.")
