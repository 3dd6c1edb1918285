"""Tables and charts; every chart has its numbers as a table, and as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from calmops_flows.logs import no_formula
from frame.words import note, plain

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from calmops_flows.records import ColumnDrift

Rows = Sequence[Mapping[str, Any]]
_CONFIG = {"displayModeBar": False, "responsive": True}


def test_cells(test: ColumnDrift) -> dict[str, Any]:
    """Return what a test says, as cells."""
    return {
        "detector": test.detector,
        "statistic": test.statistic,
        "p": test.p_value,
        "adjusted p": test.adjusted_p_value,
        "effect": test.effect_size,
        "drift": test.is_drift,
        "reason": test.reason,
    }


def show_chart(figure: go.Figure, rows: Rows, name: str, *, title: str) -> None:
    """Draw a figure with the numbers behind it.

    Parameters
    ----------
    figure : plotly.graph_objects.Figure
        What is drawn.
    rows : sequence of mappings
        The same as cells by column.
    name : str
        Names the chart on its page, and its file.
    title : str
        Stands above it.
    """
    st.subheader(title)
    st.plotly_chart(figure, key=f"chart-{name}", config=_CONFIG)
    when_opened(f"{title}: the numbers", name, lambda: show_table(rows, name))


@st.fragment
def when_opened(label: str, name: str, draw: Callable[[], object]) -> None:
    """Draw something when somebody opens its box; ``numbers=open`` in the address opens all."""
    is_wanted = st.query_params.get("numbers") == "open"
    box = st.expander(label, expanded=is_wanted, key=f"open-{name}", on_change="rerun")
    if box.open:
        with box:
            draw()


def show_table(rows: Rows, name: str, *, columns: Mapping[str, Any] | None = None) -> None:
    """Show a table that can be downloaded; it says so when it is empty."""
    if not rows:
        note("No rows.")
        return
    texts = {key for row in rows for key, value in row.items() if isinstance(value, (str, bool))}
    # Also where nothing is known at all: Streamlit would write None into each cell.
    texts |= {key for key in rows[0] if all(row.get(key) is None for row in rows)}
    cleaned = [
        {key: "" if value is None and key in texts else _cell(value) for key, value in row.items()}
        for row in rows
    ]
    config = {**_formats(cleaned), **(columns or {})}
    st.dataframe(cleaned, hide_index=True, column_config=config, key=f"table-{name}")
    st.download_button(
        "Download as CSV",
        to_csv(cleaned),
        file_name=f"{name}.csv",
        mime="text/csv",
        key=f"file-{name}",
        on_click="ignore",
    )


def to_csv(rows: Rows) -> str:
    """Return rows as CSV in which no cell is a formula of a spreadsheet."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), extrasaction="ignore")
    writer.writerow({key: no_formula(key) for key in rows[0]})
    writer.writerows({key: _harmless(value) for key, value in row.items()} for row in rows)
    return out.getvalue()


def _formats(rows: Rows) -> dict[str, Any]:
    """Show numbers with four digits, also the very small ones."""
    names = dict.fromkeys(key for row in rows for key, value in row.items() if _is_float(value))
    return {name: st.column_config.NumberColumn(format="%.4g") for name in names}


def _is_float(value: object) -> bool:
    return isinstance(value, float)


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, (list, tuple)):
        return [_cell(part) for part in value]
    return value


def _harmless(value: object) -> object:
    return no_formula(value) if isinstance(value, str) else value
