"""One pipeline: its past in four tracks, and why the chosen snapshot was decided so."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import streamlit as st

from calmops_flows.charts import tracks
from calmops_flows.read import explain, status, to_sentences, to_short
from calmops_flows.read.timeline import Timeline, TimelinePoint, timeline
from frame.address import pick, pick_window
from frame.page import page, part, pick_pipeline, prefect_page
from frame.tables import show_chart, show_table, when_opened
from frame.words import figures, note, nothing, number, sentences, when

if TYPE_CHECKING:
    from calmops_flows.records import Decision


def line(point: TimelinePoint, metric: str | None) -> dict[str, object]:
    """Return the cells of one snapshot."""
    score = point.scores.get(metric or "")
    guess = point.estimated.get(metric or "")
    return {
        "number": point.sequence,
        "snapshot": point.snapshot,
        "state": point.state,
        "decision": (point.decision or "").replace("_", " ") or None,
        metric or "metric": score.value if score else None,
        "lower": score.lower if score else None,
        "upper": score.upper if score else None,
        "estimated": guess.value if guess else None,
        "drift": point.is_drift,
        "drifted columns": point.n_drifted,
        "tested columns": point.n_tested,
        "rows": point.rows,
        "missing": point.missing,
        "champion": point.champion,
        "breaker": point.breaker,
        "at": when(point.at),
        "reason": point.reason,
    }


def rule_rows(decision: Decision) -> list[dict[str, object]]:
    """Return the cells of the rules that a decision followed."""
    return [
        {
            "rule": rule.name,
            "verdict": {True: "passed", False: "failed", None: "untestable"}[rule.passed],
            "observed": number(rule.observed),
            "bound": number(rule.threshold),
            "note": rule.note,
        }
        for rule in decision.rules
    ]


def pick_metric(past: Timeline) -> str | None:
    """Let the user choose among the metrics that are known."""
    if not past.metrics:
        return None
    return pick("Metric", past.metrics, "metric", default=past.metric)


with page("Pipeline") as store:
    left, middle, right = st.columns(3)
    with left:
        view = pick_pipeline(store)
    with middle:
        window = pick_window()
    past = timeline(store, view.name, window, now=datetime.now(UTC))
    with right:
        metric = pick_metric(past)
    found = status(store, view.name)
    figures(
        {
            "Health": view.health,
            "Champion": view.champion or "none",
            "Pending": view.counts["pending"],
            "Quarantined": view.counts["quarantined"],
            "Breaker": view.breaker.replace("_", " "),
        }
    )
    sentences(found.next_steps)
    if not past.points:
        nothing("No snapshot arrived in this range.", f"calmops run {view.name}")
        st.stop()
    show_chart(
        tracks(past, metric),
        [line(point, metric) for point in reversed(past.points)],
        "tracks",
        title="Snapshots",
    )
    note(
        "From above: the champion's metric with its 95 % interval (solid: on arrival, dotted: "
        "estimated, dashed: from later labels; dashed red: threshold); the share of tested columns "
        "that drifted (red: drift); rows (orange: the share of their cells without a value); what "
        "happened. Dotted green lines: a new champion serves."
    )
    st.subheader("Why")
    labels = {point.digest: point.snapshot for point in reversed(past.points)}
    first = past.decided[-1].digest if past.decided else next(iter(labels))
    digest = pick("Snapshot", list(labels), "snapshot", default=first, shown=labels)
    with part():
        why = explain(store, view.name, digest)
        with st.container(border=True):
            sentences(to_short(why))
        if why.decision is not None:
            rules = rule_rows(why.decision)
            when_opened("Rules and their numbers", "rules", lambda: show_table(rules, "rules"))
            said = to_sentences(why)
            when_opened("All its numbers, sentence by sentence", "said", lambda: sentences(said))
        run_page = prefect_page("runs", "flow-run", why.outcome.run_id or "")
        if run_page is not None and why.outcome.run_id:
            st.link_button("This run in Prefect", run_page)
        record = why.to_dict()
        when_opened("The record as JSON", "record", lambda: st.json(record, expanded=False))
