"""The reports on what a simulation drew: a preview, and the whole of each as a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import streamlit as st

from calmops_flows.api import preview_comparison, report_simulation, simulation_choices
from calmops_flows.charts import correlations_figure, distances_figure, shares_figure
from calmops_flows.errors import CalmopsError
from frame.address import pick
from frame.tables import show_chart
from frame.words import note, plain, sentences

if TYPE_CHECKING:
    from calmops_flows.compared import ColumnComparison, GeneratedComparison, Pages, Preview
    from calmops_flows.simulated import Simulated

SAID = {True: "different", False: "alike", None: "untestable"}
VERDICTS = {True: "drift", False: "no drift", None: "untestable"}


@st.cache_data(max_entries=50, show_spinner="Comparing ...")
def previewed(source: str, against: int | str, given: Mapping[str, Any]) -> Preview:
    """Compare once for all who look at the same address."""
    return preview_comparison(source, against, **given)


def show_comparison(source: str, given: Mapping[str, Any], found: Simulated) -> None:
    """Preview the report on the first snapshot and another one, or rows like its own.

    Parameters
    ----------
    source : str
        Where the rows come from.
    given : mapping of str to Any
        The arguments of the simulation.
    found : Simulated
        The simulation.
    """
    st.subheader("Real and generated rows")
    note(
        "The first snapshot stands for the real rows. Compare it with a later snapshot, or with "
        "new rows of a method that learns it."
    )
    against = _pick_other(found, int(given["begins"]))
    try:
        made = previewed(source, against, given)
    except CalmopsError as err:
        st.error("This cannot be compared.")
        sentences(str(plain(err)).splitlines())
        return
    comparison = made.comparison
    sentences(_summary(comparison))
    _offer(made.pages, "this comparison", "comparison")
    _offer(report_simulation(found), "all snapshots", "snapshots")
    show_chart(
        distances_figure(comparison),
        [_cells(one) for one in comparison.columns],
        "distances",
        title="Distance by column",
    )
    _show_column(comparison)
    show_chart(
        correlations_figure(comparison),
        [
            {
                "column": pair.columns[0],
                "other column": pair.columns[1],
                "real": pair.real,
                "generated": pair.generated,
                "difference": pair.difference,
            }
            for pair in comparison.pairs
        ],
        "correlations",
        title="Correlations",
    )


def _pick_other(found: Simulated, begins: int) -> int | str:
    later = [str(one.number) for one in found.snapshots[1:]]
    texts = {number: f"snapshot {number}" for number in later}
    methods = simulation_choices().methods
    texts |= {name: f"rows by {name}: {about.rstrip('.')}" for name, about in methods.items()}
    usual = str(begins) if str(begins) in later else later[-1]
    chosen = pick("Compared with the first", list(texts), "against", default=usual, shown=texts)
    return int(chosen) if chosen in later else chosen


def _summary(found: GeneratedComparison) -> list[str]:
    verdict = found.verdict
    named = f" ({', '.join(verdict.drifted[:10])})" if verdict.drifted else ""
    different = sum(one.is_different is True for one in found.columns)
    real, generated = found.rows
    lines = [
        f"{real} real and {generated} generated rows.",
        f"{different} of {len(found.columns)} columns differ.",
        f"Verdict at alpha {verdict.alpha:g}: {VERDICTS[verdict.is_drift]}{named}.",
    ]
    if found.mean_pair_difference is not None:
        lines.append(f"Mean difference of correlations: {found.mean_pair_difference:.3f}.")
    lines += [
        f"Only the {side} rows have: {', '.join(names[:10])}."
        for names, side in zip(found.only, ("real", "generated"), strict=True)
        if names
    ]
    return lines


def _offer(pages: Pages, what: str, name: str) -> None:
    """Offer a report as a page that loads nothing, and as JSON."""
    with st.container(horizontal=True):
        for text, suffix, mime in (
            (pages.html, "html", "text/html"),
            (pages.json, "json", "application/json"),
        ):
            st.download_button(
                f"Report on {what} as {suffix.upper()}",
                text,
                file_name=f"{name}.{suffix}",
                mime=mime,
                key=f"report-{name}-{suffix}",
                on_click="ignore",
            )


def _cells(one: ColumnComparison) -> dict[str, Any]:
    return {
        "column": one.name,
        "said": SAID[one.is_different],
        "test": one.test,
        "distance": one.distance,
        "adjusted p": one.p_value,
        "missing, real": one.missing[0],
        "missing, generated": one.missing[1],
        "range, real": one.extent[0],
        "range, generated": one.extent[1],
        "reason": one.reason,
    }


def _show_column(found: GeneratedComparison) -> None:
    by_name = {one.name: one for one in found.columns}
    one = by_name[pick("Column that is drawn", list(by_name), "drawn")]
    shares = one.shares
    # Ordered bins have one edge more than there are bins.
    show_chart(
        shares_figure(one),
        [
            {"bin from" if shares.is_ordered else "category": label, "real": r, "generated": g}
            for label, r, g in zip(shares.labels, shares.real, shares.generated, strict=False)
        ],
        "shares",
        title="Distribution of a column",
    )
