"""Entry script of the dashboard; ``calmops dashboard`` starts it."""

from __future__ import annotations

import streamlit as st

from frame.gate import admit
from frame.strip import live_strip

# One list without headings: Streamlit's markup of sections is no list to a screen reader.
PAGES = (
    ("overview", "Overview"),
    ("pipeline", "Pipeline"),
    ("drift", "Drift"),
    ("feature", "Feature"),
    ("performance", "Performance"),
    ("models", "Models"),
    ("blocks", "Blocks"),
    ("ipip", "IPIP"),
    ("files", "Files"),
    ("runs", "Runs and health"),
    ("quality", "Data quality"),
    ("logs", "Logs"),
    ("simulator", "Simulator"),
)

st.set_page_config(page_title="CalmOps", layout="wide")
admit()
chosen = st.navigation(
    [
        st.Page(f"pages/{name}.py", title=title, url_path=name, default=name == "overview")
        for name, title in PAGES
    ]
)
live_strip()
chosen.run()
