"""The reports on generated data, for what a simulation draws."""

from __future__ import annotations

from json import dumps
from typing import TYPE_CHECKING, Any

from calmops_flows.compared import Pages, Preview
from calmops_flows.errors import SpecError
from calmops_flows.generators import synthesize
from calmops_flows.generators.values import declared, member
from calmops_flows.reports.comparison import compare, plain
from calmops_flows.reports.comparison_page import comparison_document, snapshots_document
from calmops_flows.reports.snapshots import SnapshotVerdict, plain_snapshots
from calmops_flows.steps.simulation.change import changed_parts, parse
from calmops_flows.steps.simulation.source import Size, draw
from calmops_flows.store.encoding import plain as jsonable

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from calmops_flows.simulated import Simulated
    from calmops_flows.steps.simulation.change import Part

MOST_SYNTHESIZED = 60
"""Columns that a page can wait for."""


def preview(
    source: str,
    against: int | str,
    *,
    params: Mapping[str, Any] | None = None,
    plan: object = None,
    n_snapshots: int = 12,
    n_rows: int = 500,
    begins: int = 5,
    random_state: int = 0,
) -> Preview:
    """Do what `calmops_flows.api.preview_comparison` documents."""
    given = {"n_snapshots": n_snapshots, "n_rows": n_rows, "begins": begins}
    size = declared(Size, {**given, "random_state": random_state}, where="simulation")
    drawn = draw(source, params or {}, size)
    parts = changed_parts(drawn, parse(plan, drawn, size), size)
    real = parts[0].rows
    generated = (
        _snapshot(parts, against)
        if isinstance(against, int)
        else _synthesized(real, against, random_state)
    )
    found = compare(real, generated)
    return Preview(found, _pages(comparison_document(found).to_html(), plain(found)))


def snapshot_pages(found: Simulated) -> Pages:
    """Return the report on all snapshots of a simulation: each verdict beside the truth."""
    judged = [
        SnapshotVerdict(f"snapshot {one.number}", one.report, dict.fromkeys(one.changed))
        for one in found.snapshots
        if one.report is not None
    ]
    reference = f"snapshot {found.snapshots[0].number}"
    values = {"about": found.about, "reference": reference, "snapshots": plain_snapshots(judged)}
    return _pages(snapshots_document(judged, reference).to_html(), values)


def _pages(html: str, values: Mapping[str, Any]) -> Pages:
    return Pages(html, dumps(jsonable(values), indent=1, allow_nan=False) + "\n")


def _snapshot(parts: list[Part], number: int) -> pd.DataFrame:
    if not 2 <= number <= len(parts):
        raise SpecError(
            f"the first snapshot can be compared with those from 2 to {len(parts)}, got {number!r}"
        )
    return parts[number - 1].rows


def _synthesized(real: pd.DataFrame, method: str, random_state: int) -> pd.DataFrame:
    from calmops_flows.generators.synthesis import METHODS

    member(METHODS, method, what="method")
    if len(real.columns) > MOST_SYNTHESIZED:
        raise SpecError(
            f"rows of {len(real.columns)} columns take too long here, at most {MOST_SYNTHESIZED}; "
            "use `calmops generate synthesize`"
        )
    rows: pd.DataFrame = synthesize(real, len(real), method=method, random_state=random_state).data
    return rows
