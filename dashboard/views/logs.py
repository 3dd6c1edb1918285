"""Logs: the last lines of a pipeline's log, by level, text and time."""

from __future__ import annotations

import streamlit as st

from calmops_flows.read.log_lines import LEVELS, MOST_LINES, log_lines
from frame.address import remember, remembered
from frame.page import page, pick_pipeline
from frame.tables import show_table
from frame.words import note, nothing, plain

with page("Logs") as store:
    view = pick_pipeline(store)
    first, second, third, fourth = st.columns(4)
    with first:
        before = [s for s in (remembered("levels") or "").split(",") if s in LEVELS]
        levels = st.multiselect("Levels", LEVELS, default=before, key="levels")
        remember("levels", ",".join(levels))
    with second:
        text = st.text_input("Text", value=remembered("text") or "", key="text")
        remember("text", text)
    with third:
        since = st.text_input("From", placeholder="2024-01-31 12:00", key="since")
    with fourth:
        until = st.text_input("To", placeholder="2024-01-31 13", key="until")
    found = log_lines(
        store, view.name, levels=levels, containing=text, since=since.strip(), until=until.strip()
    )
    if found.file is None:
        nothing(
            "No run on this machine has written a log of this pipeline yet.",
            f"calmops run {view.name}",
        )
        st.stop()
    note(
        f"{len(found.lines):,} of the last {found.n_read:,} lines of {plain(found.file)}, newest "
        f"first, {MOST_LINES:,} at most. Times are those of the machine that wrote them."
    )
    if found.lines:
        show_table(
            [
                {"at": one.at, "level": one.level, "text": one.text, "from": one.logger}
                for one in found.lines
            ],
            "log",
        )
    else:
        nothing("No line fits these filters.")
