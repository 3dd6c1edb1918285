"""Models: versions, contests, the gate of each, and the switch to another version."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import streamlit as st

from calmops_flows.api import promote, roll_back
from calmops_flows.charts import contests_figure, versions_figure
from calmops_flows.errors import CalmopsError
from calmops_flows.read import CardView, card
from calmops_flows.read import versions as versions_of
from calmops_flows.read.judged import judged
from frame.address import pick, pick_metric, pick_window
from frame.page import failed, page, part, pick_pipeline
from frame.tables import show_chart, show_table, when_opened
from frame.words import commands_of, note, nothing, number, plain, when

if TYPE_CHECKING:
    from calmops_flows.store.store import Store
    from calmops_flows.store.switch import Switched

VERDICTS = {True: "passed", False: "failed", None: "untestable"}


def show_card(found: CardView) -> None:
    """Show what is known about one version."""
    st.subheader(f"Version {found.version}: {found.status}")
    held = "not kept" if found.holdout_rows is None else f"{found.holdout_rows:,}"
    st.text(
        f"Fitted {when(found.created_at)} in {found.fit_seconds:.1f} CPU seconds, mode "
        f"{plain(found.mode)}, from version {found.parent or 'none'}; judged on rows: {held}."
    )
    show_table(
        [
            {
                "metric": one.metric,
                "on its holdout": one.value,
                "lower": one.lower,
                "upper": one.upper,
            }
            for one in found.scores
        ],
        "card-scores",
    )
    if found.decision is not None:
        st.subheader("Gate")
        show_table(
            [
                {
                    "check": rule.name,
                    "verdict": VERDICTS[rule.passed],
                    "observed": number(rule.observed),
                    "bound": number(rule.threshold),
                    "note": rule.note,
                }
                for rule in found.decision.rules
            ],
            "gate",
        )
    st.subheader("Learnt from")
    show_table(
        [
            {"snapshot": one.snapshot, "rows": one.rows, "arrived": when(one.arrived_at)}
            for one in found.sources
        ],
        "sources",
    )
    known = {"model": found.spec.get("model"), "manifest": found.manifest}
    when_opened("Parameters and manifest", "manifest", lambda: st.json(known, expanded=False))
    note("The model card as a document:")
    commands_of(f"calmops card {found.pipeline} {found.version}")


def switch(store: Store, name: str, version: int, champion: int | None) -> None:
    """Offer to let a version serve, once switched on and confirmed in words."""
    st.subheader("Let another version serve")
    if os.environ.get("CALMOPS_DASHBOARD_ACTIONS") != "1":
        promotion = [] if version == champion else [f"calmops promote {name} {version}"]
        nothing(
            "Actions are off in this dashboard. From a shell:",
            *promotion,
            f"calmops rollback {name}",
        )
        return
    said = st.text_input(f"Type the pipeline's name to allow it: {plain(name)}", key="confirm")
    is_sure = said == name
    if st.button(
        f"Let version {version} serve", disabled=not is_sure or version == champion, key="promote"
    ):
        act(lambda: promote(store, name, version))
    if st.button("Roll back to the version before", disabled=not is_sure, key="rollback"):
        act(lambda: roll_back(store, name))


def act(action: Callable[[], Switched]) -> None:
    """Do what was confirmed, and say what came of it."""
    try:
        done = action()
    except CalmopsError as err:
        failed(err)
    else:
        st.success(f"Version {done.champion} serves now; before, it was {done.before}.")


with page("Models") as store:
    left, middle, right = st.columns(3)
    with left:
        view = pick_pipeline(store)
    with middle:
        window = pick_window()
    versions = versions_of(store, view.name)
    if not versions:
        nothing("No model was fitted yet.", f"calmops run {view.name}")
        st.stop()
    names = sorted({name for version in versions for name in version.metrics})
    with right:
        metric = pick_metric(names)
    rows = [
        {
            "version": one.version,
            "status": one.status,
            "mode": one.mode,
            metric or "metric": one.metrics.get(metric),
            "parent": one.parent,
            "snapshot": one.snapshot,
            "CPU seconds": one.fit_seconds,
            "created": when(one.created_at),
        }
        for one in reversed(versions)
    ]
    show_chart(versions_figure(versions, metric), rows, "versions", title="Versions")
    records = judged(store, view.name, window, now=datetime.now(UTC))
    for text in records.damaged[:10]:
        st.warning(plain(text))
    tried = records.tried
    contests = [
        {
            "number": one.sequence,
            "snapshot": one.snapshot,
            "mode": one.mode,
            "version": one.version,
            "metric": one.metric,
            "champion": one.champion,
            "challenger": one.challenger,
            "gain": one.difference,
            "lower": one.lower,
            "upper": one.upper,
            "took over": one.is_chosen,
            "CPU seconds": one.fit_seconds,
        }
        for one in reversed(tried)
    ]
    if any(one.difference is not None for one in tried):
        show_chart(
            contests_figure(tried), contests, "contests", title="Champion against challenger"
        )
        note(
            "Gain on the same held-out rows, with the interval that the rule looks at; above 0 the "
            "challenger is better."
        )
    else:
        nothing("No challenger was compared with a champion in this range.")
    numbers = [str(one.version) for one in reversed(versions)]
    texts = {str(one.version): f"{one.version} ({one.status}, {one.mode})" for one in versions}
    serving = str(view.champion) if view.champion is not None else numbers[0]
    chosen = pick("Version", numbers, "version", default=serving, shown=texts)
    with part():
        show_card(card(store, view.name, int(chosen)))
    switch(store, view.name, int(chosen), view.champion)
