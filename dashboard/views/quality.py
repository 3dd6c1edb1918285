"""Data quality: the contract, what broke it, and what was odd but let in."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from calmops_flows.charts import codes_figure, share_figure
from calmops_flows.read.judged import judged
from calmops_flows.read.quality import quality
from calmops_flows.read.timeline import timeline
from frame.address import pick_window
from frame.page import page, part, pick_pipeline
from frame.tables import show_chart, show_table
from frame.words import commands_of, nothing, plain, when

with page("Data quality") as store:
    left, right = st.columns(2)
    with left:
        view = pick_pipeline(store)
    with right:
        window = pick_window()
    found = quality(store, view.name)
    if found.version is None and not found.aside:
        nothing(
            "There is no contract yet: the first snapshot that is processed makes it.",
            f"calmops run {view.name}",
        )
        st.stop()
    st.subheader("Files that were set aside, by reason")
    if found.codes:
        show_chart(
            codes_figure(found.codes),
            [{"file": name, "code": code, "reason": text} for name, code, text in found.aside],
            "violations",
            title="Violations",
        )
        commands_of(f"calmops quarantine {view.name}")
    else:
        st.text("None: every file fitted the contract.")
    now = datetime.now(UTC)
    past = timeline(store, view.name, window, now=now)
    shares = [(p.sequence, p.snapshot, p.missing) for p in past.points if p.missing is not None]
    if shares:
        show_chart(
            share_figure(shares, "missing"),
            [{"number": n, "snapshot": name, "missing": share} for n, name, share in shares],
            "missing-cells",
            title="Cells without a value",
        )
    st.subheader("Odd, but let in")
    with part():
        odd = judged(store, view.name, window, now=now)
        show_table(
            [
                {"number": number, "snapshot": name, "warning": text}
                for number, name, text in reversed(odd.warnings)
            ],
            "warnings",
        )
        for text in odd.damaged[:10]:
            st.warning(plain(text))
    st.subheader(f"Contract, version {found.version}")
    show_table(
        [
            {
                "column": one.name,
                "type": one.type,
                "required": one.is_required,
                "missing at first": one.missing,
                "range or levels": one.allowed,
                "target": one.name == found.target,
            }
            for one in found.columns
        ],
        "contract",
    )
    st.subheader("Versions of the contract")
    show_table(
        [
            {"version": one.version, "since": when(one.at), "snapshot": one.snapshot}
            for one in reversed(found.versions)
        ],
        "contract-versions",
    )
    commands_of(f"calmops contract {view.name} accept SNAPSHOT")
