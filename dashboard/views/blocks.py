"""Blocks: how each block of a block pipeline stands."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from calmops_flows.charts import blocks_figure, by_block_figure, drifted_by_block_figure, heat_map
from calmops_flows.read import blocks
from calmops_flows.read.drift_past import drift_past
from calmops_flows.read.timeline import timeline
from frame.address import pick_metric, pick_window
from frame.page import page, part, pick_pipeline
from frame.tables import show_chart, show_table
from frame.words import note, nothing, when

with page("Blocks") as store:
    left, middle, right = st.columns(3)
    with left:
        view = pick_pipeline(store)
    found = blocks(store, view.name)
    if not found:
        nothing(
            "This pipeline has no blocks: its files are not split, or none was processed. A "
            "pipeline of kind block has a block column.",
            "calmops demo --pipeline block",
        )
        st.stop()
    names = sorted({name for block in found for name in block.metrics})
    with middle:
        window = pick_window()
    with right:
        metric = pick_metric(names)
    rows = [
        {
            "block": block.block,
            "contents": block.contents,
            "newest": block.snapshot,
            "rows": block.rows,
            "decision": block.decision.replace("_", " "),
            "drift": block.is_drift,
            "version": block.version,
            metric or "metric": block.metrics.get(metric),
            "decided": when(block.at),
        }
        for block in found
    ]
    if names:
        show_chart(
            blocks_figure(found, metric), rows, "blocks", title="Newest content of each block"
        )
        now = datetime.now(UTC)
        past = timeline(store, view.name, window, now=now)
        cells = [
            {"block": p.block, "number": p.sequence, metric: p.scores[metric].value}
            for p in reversed(past.points)
            if metric in p.scores
        ]
        show_chart(by_block_figure(past, metric), cells, "by-block", title="Scores over time")
        shares = [
            {"block": p.block, "number": p.sequence, "drifted": p.n_drifted, "tested": p.n_tested}
            for p in reversed(past.points)
            if p.n_tested
        ]
        if shares:
            show_chart(
                drifted_by_block_figure(past), shares, "drift-by-block", title="Drift by block"
            )
    st.subheader("Models and decisions per block")
    note("Version: the newest one that took over with this block.")
    show_table(rows, "block-list")
    with part():
        drifted = drift_past(store, view.name, window, now=datetime.now(UTC))
        if drifted.cells:
            show_chart(
                heat_map(drifted),
                [
                    {
                        "snapshot": drifted.snapshots[cell.sequence],
                        "column": cell.name,
                        "effect": cell.effect,
                        "adjusted p": cell.p_value,
                        "drift": cell.is_drift,
                    }
                    for cell in drifted.cells
                ],
                "block-drift",
                title="Drift by column and content",
            )
            note("Snapshots are numbered as in the ledger; the table names their blocks.")
        else:
            nothing("No block of this range was compared with a reference.")
