"""All pipelines: how they are, and which of them need a person."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from calmops_flows.read import PipelineView
from calmops_flows.read.recent import Recent, needs, recent
from frame.address import pick, remember
from frame.page import page, pipelines, prefect_page
from frame.tables import show_table
from frame.words import figures, note, plain, when

NOT_YET = Recent("", (), (), "")


def line(view: PipelineView, past: Recent) -> dict[str, object]:
    """Return the cells of one pipeline."""
    last, metric = view.last, view.metric
    return {
        "pipeline": view.name,
        "health": view.health,
        "scores": [score for score in past.scores if score is not None],
        "drifted": [share for share in past.drifted if share is not None],
        "value": metric.value if metric else None,
        "decision": last.decision.replace("_", " ") if last else "",
        "decided": when(last.at) if last else "",
        "champion": view.champion,
        "age": age(view.champion_since),
        "breaker": view.breaker.replace("_", " "),
        "pending": view.counts["pending"],
        "quarantined": view.counts["quarantined"],
        "needs a person": needs(view),
        "next run": "now" if view.is_running else past.wakes,
        "last snapshot": last.snapshot if last else "",
        "kind": view.kind,
        "metric": metric.name if metric else "",
        "scored on": metric.basis if metric else "",
    }


def age(since: str | None) -> str:
    """Return the time since a stored moment, in its largest unit."""
    if since is None:
        return ""
    seconds = (datetime.now(UTC) - datetime.fromisoformat(since)).total_seconds()
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


COLUMNS = {
    "value": st.column_config.NumberColumn(format="%.4g"),
    "scores": st.column_config.LineChartColumn(
        "last scores", help="The metric over the last 30 snapshots.", color="blue"
    ),
    "drifted": st.column_config.LineChartColumn(
        "share drifted",
        help="Share of the tested columns that drifted.",
        y_min=0,
        y_max=1,
        color="orange",
    ),
}

with page("Pipelines") as store:
    found = pipelines(store)
    past = recent(store, now=datetime.now(UTC))
    asking = [view for view in found if needs(view)]
    healthy = sum(view.health == "healthy" for view in found)
    figures(
        {
            "Pipelines": len(found),
            "Healthy": healthy,
            "Need a person": len(asking),
            "Snapshots waiting": sum(view.counts["pending"] for view in found),
        }
    )
    for view in asking[:10]:
        st.text(f"{plain(view.name)}: {needs(view)}.")
    rows = [line(view, past.get(view.name, NOT_YET)) for view in found]
    show_table(rows, "pipelines", columns=COLUMNS)
    name = pick("Look at", [view.name for view in found], "pipeline")
    remember("pipeline", name)
    st.page_link("views/pipeline.py", label="Open this pipeline")
    ui = prefect_page("runs")
    if ui is not None:
        st.link_button("Runs in Prefect", ui)
    else:
        note("Links to Prefect appear when PREFECT_API_URL is set.")
