"""Entry script of the dashboard; ``calmops dashboard`` starts it."""

from __future__ import annotations

import streamlit as st

from frame.gate import admit, is_admitted
from frame.strip import live_strip

# The scripts lie in views/: Streamlit serves those of a folder pages/ without this script, and so
# without strip and names, until somebody has opened the first page.
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
# Before the gate: without it Streamlit makes a list of its own from the folder of pages.
chosen = st.navigation(
    [
        st.Page(f"views/{name}.py", title=title, url_path=name, default=name == "overview")
        for name, title in PAGES
    ],
    position="sidebar" if is_admitted() else "hidden",
)
admit()
live_strip()
chosen.run()
