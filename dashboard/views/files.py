"""Files: the ledger, with states and reasons, and what lies in quarantine."""

from __future__ import annotations

import streamlit as st

from calmops_flows.read import quarantined
from calmops_flows.read.ledger import MOST_ENTRIES, ledger
from calmops_flows.records import SnapshotState
from frame.address import remember, remembered
from frame.page import page, pick_pipeline
from frame.tables import show_table
from frame.words import commands_of, figures, note, nothing, plain, when

with page("Files") as store:
    left, middle, right = st.columns(3)
    with left:
        view = pick_pipeline(store)
    states = [str(state) for state in SnapshotState]
    with middle:
        before = [s for s in (remembered("states") or "").split(",") if s in states]
        chosen = st.multiselect("States", states, default=before, key="states")
        remember("states", ",".join(chosen))
    with right:
        wanted = st.text_input("Path contains", value=remembered("path") or "", key="path")
        remember("path", wanted)
    found = ledger(store, view.name, states=chosen, containing=wanted)
    figures({state: found.counts.get(state, 0) for state in states})
    if not found.counts:
        nothing(
            "No file arrived yet. Put files into the source folder, then:",
            f"calmops run {view.name}",
        )
        st.stop()
    show_table(
        [
            {
                "number": one.sequence,
                "file": one.snapshot,
                "state": one.state,
                "reason": one.reason,
                "role": one.role,
                "rows": one.rows,
                "bytes": one.size_bytes,
                "attempts": one.attempts,
                "arrived": when(one.arrived_at),
                "sha256": one.digest[:16],
            }
            for one in found.entries
        ],
        "ledger",
    )
    note(f"The newest {MOST_ENTRIES:,} at most, newest first.")
    st.subheader("Quarantine")
    aside = quarantined(store, view.name)
    if not aside:
        st.text("Nothing is set aside.")
    for one in aside[:20]:
        with st.expander(plain(one.snapshot)):
            st.text(plain(one.reason))
            note(f"sha256 {one.digest}")
            commands_of(
                f"calmops quarantine {view.name} retry {one.digest[:16]}",
                f"calmops quarantine {view.name} drop {one.digest[:16]}",
            )
    if len(aside) > 20:
        note(f"... and {len(aside) - 20} more; filter the ledger by quarantined.")
