"""A simulation: what was changed, and what the detectors said, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calmops_flows.charts.style import (
    BLUE,
    GREY,
    HEAT,
    ORANGE,
    RED,
    arranged,
    empty_figure,
    plain_label,
)
from calmops_flows.simulated import FALSE_ALARM, FOUND, MISSED

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from calmops_flows.simulated import Simulated, SimulatedCell, SimulatedSnapshot

MOST_COLUMNS = 40
_EDGE = {"color": "#1a1a1a", "width": 1.5}
_CELLS = (
    (FOUND, "circle", "found"),
    (MISSED, "x", "changed, no alarm"),
    (FALSE_ALARM, "diamond", "alarm, not changed"),
)


def simulation_heat_map(simulated: Simulated) -> go.Figure:
    """Draw the effect of each column on each snapshot, and whether it was changed.

    Parameters
    ----------
    simulated : Simulated
        At most 40 columns are drawn, those that were changed or drifted first.

    Returns
    -------
    plotly.graph_objects.Figure
        A cell per column and snapshot; marks tell found, missed and false alarms apart.
    """
    import plotly.graph_objects as go

    cells = simulated.cells()
    if not cells:
        return empty_figure("There is only the reference.")
    names = _names(cells)
    labels = {name: plain_label(name, 24) for name in names}
    numbers = [snapshot.number for snapshot in simulated.snapshots if snapshot.report is not None]
    known = {(cell.number, cell.column): cell for cell in cells}
    grid = [[known.get((number, name)) for number in numbers] for name in names]
    figure = go.Figure()
    figure.add_heatmap(
        z=[
            [cell.effect if cell and cell.is_drift is not None else None for cell in row]
            for row in grid
        ],
        x=[str(number) for number in numbers],
        y=[labels[name] for name in names],
        text=[[_hover(cell) for cell in row] for row in grid],
        hovertemplate="%{text}<extra></extra>",
        colorscale=[list(step) for step in HEAT],
        zmin=0,
        colorbar={"title": {"text": "effect"}, "thickness": 12},
        xgap=1,
        ygap=1,
    )
    for kind, symbol, said in _CELLS:
        marked = [cell for cell in cells if cell.outcome == kind and cell.column in labels]
        figure.add_scatter(
            x=[str(cell.number) for cell in marked],
            y=[labels[cell.column] for cell in marked],
            mode="markers",
            # White with a dark edge shows on every colour of the map, and on either ground.
            marker={"symbol": symbol, "color": "white", "size": 9, "line": _EDGE},
            hoverinfo="skip",
            name=said,
        )
    arranged(figure, x="snapshot", height=170 + 24 * len(names))
    figure.update_yaxes(autorange="reversed", automargin=True, type="category")
    figure.update_xaxes(type="category", nticks=20)
    return figure


def _names(cells: list[SimulatedCell]) -> list[str]:
    def weight(name: str) -> tuple[int, int]:
        mine = [cell for cell in cells if cell.column == name]
        return -sum(cell.is_changed for cell in mine), -sum(bool(cell.is_drift) for cell in mine)

    return sorted(dict.fromkeys(cell.column for cell in cells), key=weight)[:MOST_COLUMNS]


def _hover(cell: SimulatedCell | None) -> str:
    if cell is None:
        return ""
    p = "" if cell.p_value is None else f", adjusted p {cell.p_value:.2g}"
    said = "untestable" if cell.effect is None else f"effect {cell.effect:.3g}{p}"
    return (
        f"{plain_label(cell.column)} on snapshot {cell.number}: {cell.outcome}<br>"
        f"{plain_label(cell.detector)}: {said}"
    )


def simulation_lanes(simulated: Simulated) -> go.Figure:
    """Draw for every snapshot what was changed, what the columns said, and what the errors said.

    Parameters
    ----------
    simulated : Simulated
        All its snapshots are drawn.

    Returns
    -------
    plotly.graph_objects.Figure
        One lane each: truth, columns, errors; a filled mark where there is something.
    """
    import plotly.graph_objects as go

    shown = [snapshot for snapshot in simulated.snapshots if snapshot.report is not None]
    figure = go.Figure()
    for lane, colour, symbol in (
        ("changed", BLUE, "square"),
        ("columns", RED, "triangle-up"),
        ("errors", ORANGE, "diamond"),
    ):
        states = [_state(snapshot, lane) for snapshot in shown]
        figure.add_scatter(
            x=[snapshot.number for snapshot in shown],
            y=[lane] * len(shown),
            mode="markers",
            marker={
                "opacity": 1,  # marks of several sizes would be drawn as bubbles, see-through
                "size": [12 if state else 6 for state in states],
                "color": [colour if state else GREY for state in states],
                "symbol": [
                    "x-thin-open" if state is None else symbol if state else "circle-open"
                    for state in states
                ],
            },
            text=[_said(snapshot, lane) for snapshot in shown],
            hovertemplate="snapshot %{x}, " + lane + ": %{text}<extra></extra>",
            name=lane,
        )
    arranged(figure, x="snapshot", height=210)
    figure.update_yaxes(autorange="reversed", automargin=True, type="category")
    figure.update_xaxes(dtick=1 if len(shown) <= 15 else 5, range=[0.5, len(shown) + 1.5])
    figure.update_layout(showlegend=False)
    return figure


def _state(snapshot: SimulatedSnapshot, lane: str) -> bool | None:
    if lane == "changed":
        return snapshot.is_changed
    if lane == "errors":
        return snapshot.is_error_rise
    return None if snapshot.report is None else snapshot.report.is_drift


def _said(snapshot: SimulatedSnapshot, lane: str) -> str:
    if lane == "changed":
        names = ", ".join(plain_label(name, 20) for name in snapshot.changed[:5])
        return (names or "rows") if snapshot.is_changed else "nothing"
    if lane == "errors":
        error = "" if snapshot.error is None else f" (mean error {snapshot.error:.3g})"
        words = {True: "a rise", False: "no rise", None: "untestable"}
        return words[snapshot.is_error_rise] + error
    drifted = () if snapshot.report is None else snapshot.report.drifted
    return ", ".join(plain_label(name, 20) for name in drifted[:5]) or "no drift"
