"""One pipeline: its state, its metric over time, and its snapshots."""

from __future__ import annotations

import streamlit as st

from calmops_flows import open_store
from calmops_flows.charts import history_figure, metric_names
from calmops_flows.errors import CalmopsError
from calmops_flows.read import history, list_pipelines, status
from calmops_flows.records import Outcome

NEWEST = 1000
MAIN = ("balanced_accuracy", "rmse")


def line(outcome: Outcome) -> dict[str, object]:
    """Return the cells of one snapshot."""
    return {
        "snapshot": outcome.snapshot,
        "state": outcome.state,
        "decision": outcome.decision,
        "reason": outcome.reason,
        "champion": outcome.champion,
        "drift": outcome.drift.is_drift,
        "columns": ", ".join(outcome.drift.columns[:10]),
        "rows": outcome.rows,
        "at": outcome.at,
    }


try:
    store = open_store(create=False)
except CalmopsError as err:
    st.info("There is nothing to show.")
    st.text(str(err))
    st.stop()
with store:
    names = [view.name for view in list_pipelines(store)]
    if not names:
        st.info("There are no pipelines yet; see the page Overview.")
        st.stop()
    asked = st.query_params.get("pipeline", "")
    name = st.selectbox("Pipeline", names, index=names.index(asked) if asked in names else 0)
    st.query_params["pipeline"] = name
    found = status(store, name)
    outcomes = history(store, name, last=NEWEST)

view = found.pipeline
for column, (label, value) in zip(
    st.columns(5),
    {
        "Health": view.health,
        "Champion": view.champion or "none",
        "Pending": view.counts["pending"],
        "Quarantined": view.counts["quarantined"],
        "Breaker": view.breaker.replace("_", " "),
    }.items(),
    strict=True,
):
    column.metric(label, value)
for step in found.next_steps:
    st.text(step)

metrics = metric_names(outcomes)
if metrics:
    main = next((metrics.index(usual) for usual in MAIN if usual in metrics), 0)
    metric = st.selectbox("Metric of the champion, before it learns", metrics, index=main)
    st.plotly_chart(history_figure(outcomes, metric))
    st.caption(
        "Triangles: the data drifted. Stars: a new champion. Crosses: a rejected challenger."
    )
st.subheader("Snapshots, newest first")
st.dataframe([line(outcome) for outcome in reversed(outcomes)], hide_index=True)
