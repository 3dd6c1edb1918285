"""IPIP: the ensembles of an ipip pipeline from version to version."""

from __future__ import annotations

import streamlit as st

from calmops_flows.charts import details_figure
from calmops_flows.read import versions as versions_of
from frame.page import page, pick_pipeline
from frame.tables import show_chart, show_table
from frame.words import figures, note, nothing

CHARTS = (
    (
        "Partitions (p) and models per ensemble",
        ("partitions", "models_at_most", "smallest_ensemble", "largest_ensemble"),
        "number",
    ),
    ("Models in all", ("models",), "models"),
    ("Validation score", ("validation_score",), "score"),
    ("New ensembles", ("new_ensembles",), "ensembles"),
    ("Share of ensembles that were replaced", ("replacement_share",), "share"),
)

with page("IPIP") as store:
    view = pick_pipeline(store)
    versions = [one for one in versions_of(store, view.name) if "partitions" in one.details]
    if not versions:
        nothing(
            "This pipeline has no ensembles of IPIP: it is of another kind, or learnt nothing yet.",
            "calmops demo --pipeline ipip",
        )
        st.stop()
    newest = versions[-1].details
    facts = {
        "p (partitions)": newest.get("partitions"),
        "b (models at most)": newest.get("models_at_most"),
        "Models": newest.get("models"),
        "Validation score": newest.get("validation_score"),
    }
    figures({k: "unknown" if v is None else f"{v:.3g}" for k, v in facts.items()})
    for title, names, y in CHARTS:
        rows = [
            {"version": one.version, **{name: one.details.get(name) for name in names}}
            for one in reversed(versions)
        ]
        if any(one.details.get(name) is not None for one in versions for name in names):
            show_chart(details_figure(versions, names, y), rows, names[0], title=title)
    st.subheader("Every version")
    show_table(
        [
            {"version": one.version, "status": one.status, "snapshot": one.snapshot, **one.details}
            for one in reversed(versions)
        ],
        "ipip-versions",
    )
    note(
        "An ipip pipeline compares scores, not columns: it has no drift page of its own. It keeps "
        "an old ensemble as long as its models are better than new ones."
    )
