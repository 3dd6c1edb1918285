"""One decision: the sentences, the drift tests, and the record behind them."""

from __future__ import annotations

import streamlit as st

from calmops_flows import open_store
from calmops_flows.charts import drift
from calmops_flows.errors import CalmopsError
from calmops_flows.logs import inert
from calmops_flows.read import explain, history, list_pipelines, to_sentences
from calmops_flows.records import SnapshotState

NEWEST = 1000

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
    # A duplicate shares its digest with the snapshot that was decided.
    arrived = history(store, name, last=NEWEST)
    newest = [o for o in reversed(arrived) if o.state != SnapshotState.DUPLICATE]
    if not newest:
        st.info("This pipeline has seen no snapshot yet.")
        st.stop()
    labels = {outcome.digest: inert(outcome.snapshot) for outcome in newest}
    digest = st.selectbox("Snapshot", list(labels), format_func=lambda key: labels[key])
    found = explain(store, name, digest)

for sentence in to_sentences(found):
    st.text(inert(sentence))
if found.drift is not None:
    st.subheader("Drift by column")
    st.plotly_chart(drift(found.drift))
    st.dataframe(list(found.to_dict()["drift"]["columns"]), hide_index=True)
with st.expander("The record as JSON"):
    st.json(found.to_dict(), expanded=False)
