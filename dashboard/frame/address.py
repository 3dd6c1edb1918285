"""Choices that live in the address, so that every view can be linked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import streamlit as st

from calmops_flows.errors import SpecError
from calmops_flows.read.window import Window
from frame.words import plain

RANGES = {
    "30": "newest 30 snapshots",
    "100": "newest 100 snapshots",
    "300": "newest 300 snapshots",
    "1000": "newest 1,000 snapshots",
    "1d": "last day",
    "7d": "last 7 days",
    "30d": "last 30 days",
    "365d": "last year",
    "all": "everything (at most 2,000)",
}
DATES = "dates"
USUAL_METRICS = ("balanced_accuracy", "rmse")
_MEMORY = "calmops_address"
_VISIT = "calmops_visit"


def visit(title: str) -> None:
    """Begin a page: its widgets start from the address and from what other pages left.

    Streamlit drops what a widget holds when the page changes, but only after that page was drawn;
    keys that count the visits keep the dropped value from being taken for the user's choice.
    """
    last, number = st.session_state.get(_VISIT, ("", 0))
    if last != title:
        st.session_state[_VISIT] = (title, number + 1)


def _key(name: str) -> str:
    return f"{name}-{st.session_state.get(_VISIT, ('', 0))[1]}"


def remembered(name: str) -> str | None:
    """Return what the address says, else what the last page left."""
    found = st.query_params.get(name)
    if found is not None:
        return found
    kept: dict[str, str] = st.session_state.get(_MEMORY, {})
    return kept.get(name)


def remember(name: str, value: str) -> None:
    """Write a choice to the address, and keep it for the next page."""
    st.session_state.setdefault(_MEMORY, {})[name] = value
    if st.query_params.get(name) != value:
        st.query_params[name] = value


def pick(
    label: str,
    options: Sequence[str],
    name: str,
    *,
    default: str | None = None,
    shown: Mapping[str, str] | None = None,
) -> str:
    """Let the user choose one of several; the address keeps it under ``name``.

    Parameters
    ----------
    label : str
        Stands above the choice.
    options : sequence of str
        At least one.
    name : str
        Name in the address, and of the widget.
    default : str, optional
        Chosen when the address says nothing that is among the options; default the first.
    shown : mapping of str to str, optional
        Texts instead of the options.
    """
    texts = shown or {}
    # The texts are part of the key: a widget whose options changed starts afresh.
    key = _key(f"pick-{name}-{hash(tuple(options))}")
    if st.session_state.get(key) not in options:
        wanted = remembered(name)
        st.session_state[key] = wanted if wanted in options else (default or options[0])
    chosen: str = st.selectbox(
        label, options, key=key, format_func=lambda option: plain(texts.get(option, option))
    )
    remember(name, chosen)
    return chosen


def type_text(label: str, name: str, *, default: str = "", hint: str = "") -> str:
    """Let the user write a line; the address keeps it under ``name``."""
    key = _key(f"type-{name}")
    if key not in st.session_state:
        wanted = remembered(name)
        st.session_state[key] = default if wanted is None else wanted
    text: str = st.text_input(label, key=key, placeholder=hint, max_chars=1000)
    remember(name, text)
    return text


def type_number(label: str, name: str, default: float) -> float:
    """Let the user write a number of the default's type; the address keeps it under ``name``."""
    key = _key(f"type-{name}")
    if key not in st.session_state:
        try:
            st.session_state[key] = type(default)(remembered(name) or default)
        except ValueError:
            st.session_state[key] = default
    shown = "%d" if isinstance(default, int) else "%g"
    step = type(default)(1 if isinstance(default, int) else 0.1)
    value = type(default)(st.number_input(label, key=key, step=step, format=shown))
    remember(name, f"{value:g}" if isinstance(value, float) else str(value))
    return value


def forget_others(prefix: str, kept: str) -> None:
    """Take names with a prefix out of the address, except one."""
    for name in list(st.query_params):
        if name.startswith(prefix) and name != kept:
            del st.query_params[name]


def pick_metric(names: Sequence[str]) -> str:
    """Let the user choose a metric, by default the usual one; an empty text if there is none."""
    usual = next((name for name in USUAL_METRICS if name in names), None)
    return pick("Metric", names, "metric", default=usual) if names else ""


def pick_window() -> Window:
    """Let the user choose the part of the past that is looked at."""
    wanted = remembered("range") or "100"
    options = {**RANGES, DATES: "between two dates"}
    key = _key("pick-range")
    if key not in st.session_state:
        st.session_state[key] = wanted if wanted in RANGES else DATES if ".." in wanted else "100"
    chosen = st.selectbox("Range", list(options), key=key, format_func=options.__getitem__)
    if chosen == DATES:
        return _dates(wanted)
    remember("range", chosen)
    return Window.parse(chosen)


def _dates(wanted: str) -> Window:
    today = datetime.now(UTC).date()
    try:
        start = Window.parse(wanted)
    except SpecError:
        start = Window()
    since = st.date_input("From", start.since or today - timedelta(days=30), key=_key("pick-since"))
    until = st.date_input("To", start.until or today, key=_key("pick-until"))
    window = Window(since=since, until=until)
    remember("range", str(window))
    return window


def beside(*parts: Callable[[], object]) -> list[object]:
    """Draw several choices in one row; on a narrow screen they stand below one another."""
    found = []
    for column, part in zip(st.columns(len(parts)), parts, strict=True):
        with column:
            found.append(part())
    return found
