"""Runs and health: the breaker, the lease, durations by step, what failed."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from calmops_flows.charts import seconds_figure
from calmops_flows.read import status
from calmops_flows.read.happened import happened
from calmops_flows.read.judged import judged
from calmops_flows.read.ledger import ledger
from frame.address import pick_window
from frame.page import page, part, pick_pipeline, prefect_page
from frame.tables import show_chart, show_table
from frame.words import figures, note, nothing, plain, sentences, when

with page("Runs and health") as store:
    left, right = st.columns(2)
    with left:
        view = pick_pipeline(store)
    with right:
        window = pick_window()
    found = status(store, view.name)
    circuit, lease = found.circuit, found.lease
    figures(
        {
            "Breaker": circuit.state.replace("_", " "),
            "Failures in a row": circuit.failures,
            "Put off": found.deferred,
            "Messages waiting": found.outbox_waiting,
        }
    )
    sentences(found.next_steps)
    if circuit.open_until:
        st.text(f"Retraining is tried again after {when(circuit.open_until)}.")
    if lease is None:
        st.text("Nobody works on this pipeline.")
    else:
        word = "works" if lease.is_held else "worked, and its lease has expired,"
        st.text(f"{plain(lease.owner)} {word} on it; lease until {when(lease.expires_at)}.")
    for label, parts in (
        ("Runs in Prefect", ("runs",)),
        ("The last run in Prefect", ("runs", "flow-run", found.last_run_id or "")),
    ):
        address = prefect_page(*parts)
        if address and parts[-1]:
            st.link_button(label, address)
    with part():
        records = judged(store, view.name, window, now=datetime.now(UTC))
        if records.seconds:
            show_chart(
                seconds_figure(records),
                [
                    {"number": number, "snapshot": name, **cost}
                    for number, name, cost in reversed(records.seconds)
                ],
                "seconds",
                title="Seconds by step",
            )
        else:
            nothing("No snapshot of this range was processed.", f"calmops run {view.name}")
        for text in records.damaged[:10]:
            st.warning(plain(text))
    st.subheader("Failures")
    with part():
        tried = [one for one in ledger(store, view.name).entries if one.state == "quarantined"]
        show_table(
            [
                {
                    "number": one.sequence,
                    "file": one.snapshot,
                    "attempts": one.attempts,
                    "reason": one.reason,
                    "arrived": when(one.arrived_at),
                }
                for one in tried
            ],
            "failures",
        )
    with part():
        past = happened(store, view.name)
        st.subheader("Breaker history")
        show_table(
            [{"at": when(one.at), "breaker": one.kind, "about": one.about} for one in past.breaker],
            "breaker",
        )
        if past.failing:
            st.subheader("Messages that could not be delivered")
            show_table(
                [
                    {"message": kind, "attempts": attempts, "last error": error}
                    for kind, attempts, error in past.failing
                ],
                "messages",
            )
        st.subheader("What people and the system did")
        show_table(
            [
                {"at": when(one.at), "what": one.kind.replace("_", " "), "about": one.about}
                for one in past.entries
            ],
            "happened",
        )
        note("From the audit log, decisions left out; calmops audit verifies its chain.")
