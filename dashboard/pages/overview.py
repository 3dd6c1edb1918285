"""All pipelines on one page."""

from __future__ import annotations

import streamlit as st

from calmops_flows import open_store
from calmops_flows.errors import CalmopsError, NotFoundError
from calmops_flows.read import PipelineView, list_pipelines

EMPTY = "There are no pipelines yet. Start with one of these commands:"


def line(view: PipelineView) -> dict[str, object]:
    """Return the cells of one pipeline."""
    last, metric = view.last, view.metric
    return {
        "pipeline": view.name,
        "kind": view.kind,
        "health": view.health,
        "champion": view.champion,
        "processed": view.counts["processed"],
        "pending": view.counts["pending"],
        "quarantined": view.counts["quarantined"],
        "last snapshot": last.snapshot if last else None,
        "decision": last.decision if last else None,
        "drift": last.is_drift if last else None,
        "metric": metric.name if metric else None,
        "value": metric.value if metric else None,
        "scored on": metric.basis if metric else None,
        "breaker": view.breaker,
        "running": view.is_running,
    }


def views() -> list[PipelineView]:
    """Return all pipelines; none when there is no store."""
    try:
        store = open_store(create=False)
    except NotFoundError:
        return []
    with store:
        return list_pipelines(store)


st.title("Pipelines")
try:
    found = views()
except CalmopsError as err:
    st.error("The store cannot be read.")
    st.text(str(err))
    st.stop()
if not found:
    st.info(EMPTY)
    st.code("calmops demo\ncalmops init FOLDER\ncalmops apply FILE", language="shell")
    st.stop()
st.dataframe([line(view) for view in found], hide_index=True)
st.caption("The pages Pipeline and Decision show one of them. Times are in UTC.")
