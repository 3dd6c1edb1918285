"""The strip above every page: the only thing that refreshes by itself."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from calmops_flows.errors import CalmopsError
from calmops_flows.read.kept import kept_store
from calmops_flows.read.pulse import Pulse, pulse
from frame.words import note

EVERY_SECONDS = 10
_SEEN = "calmops_newest"


def live_strip() -> None:
    """Draw the strip; a full run of the page makes its data the newest seen."""
    st.session_state.pop(_SEEN, None)
    _strip()


@st.fragment(run_every=EVERY_SECONDS)
def _strip() -> None:
    try:
        now = pulse(kept_store())
    except CalmopsError:
        note("No store to watch.")
        return
    note(_text(now))
    seen = st.session_state.setdefault(_SEEN, now.newest)
    if seen != now.newest:
        note("Something was decided since this page was drawn.")
        if st.button("Show the new results", key="show-new"):
            st.rerun(scope="app")


def _text(now: Pulse) -> str:
    newest = "nothing decided yet"
    if now.newest:
        newest = f"last decision {now.newest[:19].replace('T', ' ')}"
    clock = datetime.now(UTC).strftime("%H:%M:%S")
    return (
        f"{now.pipelines} pipelines, {now.running} running, {now.pending} snapshots waiting, "
        f"{now.quarantined} quarantined; {newest}; all times UTC, now {clock}"
    )
