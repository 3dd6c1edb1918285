"""Drift: which columns moved, when, and whether it matters to the champion."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from calmops_flows.charts import (
    attribution_figure,
    drift,
    heat_map,
    joint_figure,
    quadrant,
)
from calmops_flows.read import explain
from calmops_flows.read.drift_past import MOST_COLUMNS, MOST_SNAPSHOTS, drift_past
from frame.address import pick, pick_window
from frame.page import page, part, pick_pipeline
from frame.tables import show_chart, show_table, test_cells
from frame.words import note, nothing, sentences

with page("Drift") as store:
    left, right = st.columns(2)
    with left:
        view = pick_pipeline(store)
    with right:
        window = pick_window()
    past = drift_past(store, view.name, window, now=datetime.now(UTC))
    if not past.n_snapshots:
        nothing(
            "No snapshot of this range was compared with a reference. The first snapshot has none, "
            "and pipelines of kind ipip compare scores instead of columns.",
            f"calmops run {view.name}",
        )
        st.stop()
    show_chart(
        heat_map(past),
        [
            {
                "number": cell.sequence,
                "snapshot": past.snapshots[cell.sequence],
                "column": cell.name,
                "detector": cell.detector,
                "effect": cell.effect,
                "adjusted p": cell.p_value,
                "drift": cell.is_drift,
            }
            for cell in past.cells
        ],
        "heat-map",
        title="Effect by column and snapshot",
    )
    note(
        f"Dots mark what counts as drift. At most {MOST_COLUMNS} columns, those that drifted most "
        f"often, on the newest {MOST_SNAPSHOTS} snapshots; empty cells could not be tested."
    )
    st.subheader("Columns, most often drifted first")
    show_table(
        [
            {
                "column": column.name,
                "kind": column.kind,
                "snapshots drifted": column.n_drifted,
                "snapshots tested": column.n_tested,
                "largest effect": column.largest,
                "smallest adjusted p": column.smallest_p,
            }
            for column in past.columns
        ],
        "ranking",
    )
    if past.joint:
        show_chart(
            joint_figure(past),
            [
                {
                    "number": point.sequence,
                    "effect": point.effect,
                    "adjusted p": point.p_value,
                    "drift": point.is_drift,
                }
                for point in past.joint
            ],
            "joint",
            title="All columns together",
        )
    else:
        note("No test of all columns together was run; see drift.multivariate in the spec.")
    labels = {str(n): label for n, label in reversed(past.snapshots.items())}
    chosen = pick("Snapshot", list(labels), "number", shown=labels)
    with part():
        found = explain(store, view.name, labels[chosen])
        if found.drift is not None:
            show_chart(
                drift(found.drift),
                [{"column": test.name, **test_cells(test)} for test in found.drift.tests],
                "tests",
                title="Tests on this snapshot",
            )
            sentences(found.drift.notes)
        ranked = found.attribution
        if ranked is None or ranked.metric is None:
            nothing(
                "Whether it matters to the champion is not known: "
                + ((ranked.reason if ranked else None) or "no champion had met this snapshot")
            )
        else:
            rows = [
                {
                    "column": column.name,
                    "drifted": column.is_drift,
                    "effect": column.effect_size,
                    "importance": column.importance,
                    "effect times importance": column.score,
                }
                for column in ranked.columns
            ]
            show_chart(quadrant(ranked), rows, "quadrant", title="Drift against importance")
            show_chart(attribution_figure(ranked), rows, "attribution", title="Attribution")
