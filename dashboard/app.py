"""Entry script of the dashboard; ``calmops dashboard`` starts it."""

from __future__ import annotations

import streamlit as st

st.set_page_config(page_title="CalmOps", layout="wide")
st.navigation(
    [
        st.Page("pages/overview.py", title="Overview", default=True),
        st.Page("pages/pipeline.py", title="Pipeline", url_path="pipeline"),
        st.Page("pages/decision.py", title="Decision", url_path="decision"),
    ]
).run()
