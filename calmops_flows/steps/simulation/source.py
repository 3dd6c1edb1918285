"""Where the rows of a simulation come from: a generator, or a ready scenario."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
from pydantic import Field

from calmops_flows.errors import SpecError
from calmops_flows.generators import generate
from calmops_flows.generators.scenario import Scenario, ready
from calmops_flows.generators.scenario.build import build, parse_scenario
from calmops_flows.generators.scenario.truth import moved_features
from calmops_flows.generators.synthetic import CONCEPTS
from calmops_flows.generators.values import member
from calmops_flows.spec.base import Part

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_CELLS = 2_000_000
PROBE_ROWS = 200
_OWN = frozenset({"n_samples", "name", "random_state", "drift", "classes", "blocks", "extras"})


class Size(Part):
    """How much is drawn; small enough that a page can wait for it."""

    n_snapshots: int = Field(default=12, ge=2, le=60)
    n_rows: int = Field(default=500, ge=50, le=10_000)
    """Rows of a snapshot."""
    begins: int = Field(default=5, ge=2)
    """The first snapshot that an injection changes, from 2: the first is the reference."""
    random_state: int = Field(default=0, ge=0)


@dataclass(frozen=True, slots=True)
class Drawn:
    """Rows of all snapshots before an injection, with what changes by itself in each."""

    rows: pd.DataFrame
    target: str
    changed: tuple[frozenset[str], ...]
    lengths: tuple[int, ...]


def scenarios() -> dict[str, Scenario]:
    """Return the ready scenarios that need no data from elsewhere."""
    return {name: one for name, one in ready().items() if one.base is None}


def draw(source: str, params: Mapping[str, Any], size: Size) -> Drawn:
    """Draw the rows of all snapshots.

    Parameters
    ----------
    source : str
        A generator of `CONCEPTS`, or a ready scenario.
    params : mapping of str to Any
        Parameters of the generator; a scenario takes none.
    size : Size
        How much.

    Raises
    ------
    SpecError
        If there is no such source, a parameter is not valid, or the table would be too large.
    """
    known = scenarios()
    member({**CONCEPTS, **known}, source, what="source of a simulation")
    if source not in known:
        return _stream(source, params, size)
    if params:
        raise SpecError(
            f"scenario {source!r} takes no parameters, got {', '.join(map(str, params))}"
        )
    return _scenario(known[source], size)


def probe(source: str, params: Mapping[str, Any]) -> Drawn:
    """Draw a few rows, to see the columns."""
    return draw(source, params, Size(n_snapshots=2, n_rows=PROBE_ROWS, begins=2))


def _stream(name: str, params: Mapping[str, Any], size: Size) -> Drawn:
    clash = {"n_samples", "name", "random_state", "drift", "classes", "blocks", "extras"} & set(
        params
    )
    if clash:
        raise SpecError(
            f"a simulation draws rows, seed and drift itself; leave out {', '.join(sorted(clash))}"
        )
    n_rows = size.n_snapshots * size.n_rows
    width = len(generate(name, 2, random_state=0, **params).frame().columns)
    if width * n_rows > MOST_CELLS:
        raise SpecError(
            f"{n_rows:,} rows of {width:,} columns are more than the {MOST_CELLS:,} cells of a "
            f"simulation; ask for fewer snapshots, rows or columns"
        )
    stream = generate(name, n_rows, random_state=size.random_state, **params)
    nothing = (frozenset[str](),) * size.n_snapshots
    lengths = (size.n_rows,) * size.n_snapshots
    return Drawn(stream.frame(), str(stream.target.name), nothing, lengths)


def _scenario(scenario: Scenario, size: Size) -> Drawn:
    faults = [
        {"step": fault.step, "periods": kept}
        for fault in scenario.faults
        if (kept := [number for number in fault.periods if number <= size.n_snapshots])
    ]
    values = {"periods": size.n_snapshots, "rows": size.n_rows, "faults": faults}
    changed = parse_scenario(scenario.model_dump() | values)
    periods = build(changed, random_state=size.random_state)
    moves = moved_features(changed)
    touched = [
        frozenset(period.log["column"].dropna()) if len(period.log) else frozenset[str]()
        for period in periods
    ]
    return Drawn(
        pd.concat([period.rows for period in periods], ignore_index=True),
        changed.target_name or "",
        tuple(moved | logged for moved, logged in zip(moves, touched, strict=True)),
        tuple(len(period.rows) for period in periods),
    )
