"""Simulator: make drift, and see what the detectors say of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from calmops_flows.api import simulate, simulation_choices, suggest_injection
from calmops_flows.charts import simulation_heat_map, simulation_lanes
from calmops_flows.errors import CalmopsError
from calmops_flows.simulated import FALSE_ALARM, FOUND, MISSED, QUIET, Simulated
from frame.address import beside, forget_others, pick, type_number, type_text
from frame.comparison import show_comparison
from frame.page import free_page
from frame.tables import show_chart, when_opened
from frame.words import figures, note, plain, sentences
from frame.yaml_text import as_yaml, from_yaml

NOTHING = "nothing"
PROFILES = ("abrupt", "gradual", "incremental", "recurrent")


@st.cache_data(max_entries=50, show_spinner="Drawing and judging ...")
def simulated(source: str, given: Mapping[str, Any]) -> Simulated:
    """Simulate once for all who look at the same address."""
    return simulate(source, **given)


def said(name: str, about: str) -> str:
    """Return a name with its first line, without the marks of a docstring."""
    return f"{name}: {about.replace('`', '').rstrip('.')}"


def pick_source() -> tuple[str, dict[str, Any]]:
    """Let the user choose where the rows come from."""
    known = simulation_choices()
    texts = {name: said(name, about) for name, about in known.generators.items()}
    texts |= {name: said(f"scenario {name}", about) for name, about in known.scenarios.items()}
    source = pick("Source", list(texts), "source", default="sea", shown=texts)
    if source in known.scenarios:
        return source, {}
    text = type_text("Parameters of the source", "params", hint="variant: 1, noise: 0.1")
    return source, from_yaml(text, "the parameters of the source")


def pick_plan(source: str, params: Mapping[str, Any]) -> dict[str, Any] | None:
    """Let the user choose what is injected; None: nothing."""
    known = simulation_choices()
    texts = {NOTHING: "nothing: every alarm is a false one"}
    texts |= {name: said(name, about) for name, about in known.injectors.items()}
    default = NOTHING if source in known.scenarios else "shift"
    kind = pick("Drift", list(texts), "drift", default=default, shown=texts)
    if kind == NOTHING:
        return None
    fitting = suggest_injection(source, kind, params=params)
    column = pick("Column", fitting.columns, "column") if fitting.columns else None
    fitting = suggest_injection(source, kind, params=params, column=column)
    values = dict(fitting.params)
    strength = values.pop("magnitude", None)
    step: dict[str, Any] = {"kind": kind}
    if strength is not None:
        step["magnitude"] = type_number("Magnitude", f"magnitude-{kind}", float(strength))
    # Other columns or another source have other parameters: the text begins anew with them.
    name = f"more-{source}-{kind}-{column}"
    more = type_text("More parameters", name, default=as_yaml(values))
    forget_others("more-", name)
    forget_others("magnitude-", f"magnitude-{kind}")
    step |= from_yaml(more, "the parameters of the drift")
    profile = pick_profile() if fitting.has_profile else {}
    return {**step, "profile": profile} if profile else step


def pick_profile() -> dict[str, Any]:
    """Let the user say how the drift grows, in shares of the changed rows."""
    kind = pick("Profile", PROFILES, "profile")
    if kind in ("gradual", "incremental"):
        return {"kind": kind, "width": type_number("Width (share of the rows)", "width", 0.5)}
    if kind == "recurrent":
        return {"kind": kind, "period": type_number("Period (share of the rows)", "period", 0.25)}
    return {}


def pick_size() -> dict[str, object]:
    """Let the user say how much is drawn, and where the drift begins."""
    found = beside(
        lambda: type_number("Snapshots", "snapshots", 12),
        lambda: type_number("Rows of each", "rows", 500),
        lambda: type_number("Drift begins with", "begins", 5),
        lambda: type_number("Seed", "seed", 0),
    )
    return dict(zip(("n_snapshots", "n_rows", "begins", "random_state"), found, strict=True))


def show(found: Simulated) -> None:
    """Draw what was changed beside what the detectors said."""
    counts = {
        "Found": found.count(FOUND),
        "Missed": found.count(MISSED),
        "False alarms": found.count(FALSE_ALARM),
        "Quiet": found.count(QUIET),
    }
    figures(counts)
    note(
        "By snapshot, each against the first one. An alarm is drift of the columns, a rise of the "
        "errors of a tree fitted on the first snapshot, or a broken contract. The columns of one "
        "snapshot give a false alarm in 5 % of all cases, whatever their number."
    )
    show_chart(
        simulation_lanes(found),
        [
            {
                "snapshot": one.number,
                "outcome": one.outcome,
                "changed": ", ".join(one.changed) or ("rows" if one.is_changed else ""),
                "columns drifted": ", ".join(one.report.drifted) if one.report else "",
                "drift": one.report.is_drift if one.report else None,
                "mean error": one.error,
                "errors rise": one.is_error_rise,
                "remark": one.note,
            }
            for one in found.snapshots
        ],
        "verdicts",
        title="Truth and verdict by snapshot",
    )
    show_chart(
        simulation_heat_map(found),
        [
            {
                "snapshot": cell.number,
                "column": cell.column,
                "outcome": cell.outcome,
                "detector": cell.detector,
                "effect": cell.effect,
                "adjusted p": cell.p_value,
                "drift": cell.is_drift,
                "changed": cell.is_changed,
            }
            for cell in found.cells()
        ],
        "cells",
        title="Effect by column and snapshot",
    )
    note("A column counts as changed when a value in it was; not each change moves a distribution.")


def show_twin(source: str, given: Mapping[str, Any], found: Simulated) -> None:
    """Print how to do the same without this page."""
    if found.plan:
        note("plan.yaml")
        st.code(found.plan, language="text", wrap_lines=True)
    st.code("\n".join(found.commands), language=None, wrap_lines=True)
    arguments = "".join(f",\n    {key}={value!r}" for key, value in given.items() if value)
    st.code(
        f"from calmops_flows.api import simulate\n\nsimulate(\n    {source!r}{arguments},\n)",
        language="text",  # the colours of code are too pale to read
        wrap_lines=True,
    )


with free_page("Simulator"):
    try:
        left, right = st.columns(2)
        with left:
            source, params = pick_source()
        with right:
            plan = pick_plan(source, params)
        size = pick_size()
        given = {"params": params, "plan": plan, **size}
        found = simulated(source, given)
    except CalmopsError as err:
        st.error("This cannot be simulated.")
        sentences(str(plain(err)).splitlines())
    else:
        show(found)
        show_comparison(source, given, found)
        when_opened("The same by hand", "twin", lambda: show_twin(source, given, found))
