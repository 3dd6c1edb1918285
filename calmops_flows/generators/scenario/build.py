"""Scenarios become folders: snapshots, and the spec of a pipeline that consumes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from calmops_flows.errors import SpecError
from calmops_flows.generators.formula import evaluate
from calmops_flows.generators.injection.inject import inject
from calmops_flows.generators.injection.tables import columns_of
from calmops_flows.generators.scenario.patients import draw_patients
from calmops_flows.generators.scenario.plan import Scenario
from calmops_flows.generators.values import declared, member
from calmops_flows.generators.write import new_folder

SPEC, ARRIVALS, TRUTH = "pipeline.yaml", "arrivals", "truth.csv"
Base = Callable[[], Sequence[pd.DataFrame]]


@dataclass(frozen=True, slots=True)
class Period:
    """One snapshot of a scenario: its file name, its rows, and the log of what was injected."""

    file_name: str
    rows: pd.DataFrame
    log: pd.DataFrame


def ready() -> dict[str, Scenario]:
    """Return the scenarios that come with the package, by name."""
    folder = resources.files("calmops_flows.generators.scenario") / "ready"
    found = [
        parse_scenario(yaml.safe_load(file.read_text(encoding="utf-8")))
        for file in folder.iterdir()
        if file.name.endswith(".yaml")
    ]
    return {scenario.name: scenario for scenario in sorted(found, key=lambda one: one.name)}


def parse_scenario(values: object) -> Scenario:
    """Read a scenario from plain values, as from YAML.

    Raises
    ------
    SpecError
        If a field is not valid.
    """
    return declared(Scenario, values, where="scenario")


def build(
    scenario: Scenario, *, random_state: int, bases: Mapping[str, Base] | None = None
) -> list[Period]:
    """Draw the snapshots of a scenario, in order.

    Parameters
    ----------
    scenario : Scenario
        What is to happen.
    random_state : int
        Seed.
    bases : mapping of str to callable, optional
        Where real tables come from: each callable gives one table a period.

    Returns
    -------
    list of Period
        One per period.

    Raises
    ------
    SpecError
        If the scenario needs a base that is not given, or has fewer tables than periods.
    """
    rng = np.random.default_rng(random_state)
    if scenario.base is not None:
        tables = _real(scenario, bases or {})
    elif scenario.study is not None:
        tables = _seen(scenario, random_state)
    else:
        tables = _drawn(scenario, rng)
    found = []
    for number, rows in enumerate(tables, start=1):
        steps = [fault.step for fault in scenario.faults if number in fault.periods]
        done = inject(rows, steps, random_state=random_state + number) if steps else None
        log = pd.DataFrame() if done is None else done.log.assign(period=number)
        found.append(Period(f"period-{number:03}.csv", rows if done is None else done.data, log))
    return found


def write(scenario: Scenario, periods: Sequence[Period], folder: Path) -> Path:
    """Write snapshots, the truth about injected drift, and the pipeline's spec.

    The folder appears when it is whole.

    Parameters
    ----------
    scenario : Scenario
        As it was built.
    periods : sequence of Period
        Its snapshots.
    folder : Path
        Does not exist yet.

    Returns
    -------
    Path
        The spec.

    Raises
    ------
    NameConflictError
        If the folder exists.
    """
    with new_folder(folder) as partial:
        (partial / ARRIVALS).mkdir()
        for period in periods:
            period.rows.to_csv(partial / ARRIVALS / period.file_name, index=False)
        logs = [period.log for period in periods if len(period.log)]
        if logs:
            pd.concat(logs).to_csv(partial / TRUTH, index=False)
        text = yaml.safe_dump(spec_of(scenario), sort_keys=False, allow_unicode=True)
        (partial / SPEC).write_text(f"# {scenario.about}\n{text}", encoding="utf-8")
    return folder / SPEC


def spec_of(scenario: Scenario) -> dict[str, Any]:
    """Return the pipeline's spec as plain values."""
    source = {"path": ARRIVALS, "pattern": "period-*.csv", "settle_seconds": 0}
    target = scenario.target_name
    named = {} if target is None else {"target": target}
    values = {"name": scenario.name.replace("_", "-"), **named, "source": source}
    return values | scenario.pipeline


def generate_scenario(
    name: str,
    folder: str | Path,
    *,
    random_state: int = 0,
    periods: int | None = None,
    rows: int | None = None,
    bases: Mapping[str, Base] | None = None,
) -> Path:
    """Write a ready-made scenario into a new folder.

    Parameters
    ----------
    name : str
        One of `ready`.
    folder : str or Path
        Does not exist yet.
    random_state : int, default=0
        Seed.
    periods, rows : int, optional
        Fewer periods (faults beyond them are left out), other numbers of rows.
    bases : mapping of str to callable, optional
        Where real tables come from, see `build`.

    Returns
    -------
    Path
        The pipeline's spec; ``run_pipeline`` takes it.

    Raises
    ------
    SpecError
        If there is no such scenario.
    NameConflictError
        If the folder exists.
    """
    scenario = member(ready(), name, what="scenario")
    n_periods = scenario.periods if periods is None else periods
    faults = [
        {"step": fault.step, "periods": kept}
        for fault in scenario.faults
        if (kept := [number for number in fault.periods if number <= n_periods])
    ]
    values = scenario.model_dump() | {"periods": n_periods, "faults": faults}
    if rows is not None:
        values["rows"] = rows
    changed = parse_scenario(values)
    made = build(changed, random_state=random_state, bases=bases)
    return write(changed, made, Path(folder))


def _drawn(scenario: Scenario, rng: np.random.Generator) -> list[pd.DataFrame]:
    n_rows = scenario.periods * scenario.rows
    time = (np.arange(n_rows) + 0.5) / scenario.rows
    frame = pd.DataFrame({"date": _dates(scenario, time)})
    for name, feature in scenario.features.items():
        frame[name] = feature.draw(time, rng)
    target = scenario.target
    if target is not None:
        value = evaluate(target.formula, columns_of(frame) | {"t": time}).astype(float)
        if target.kind == "number":
            frame[target.name] = value + target.noise * rng.standard_normal(n_rows)
        else:
            chance = value if target.kind == "probability" else 1.0 / (1.0 + np.exp(-value))
            frame[target.name] = (rng.random(n_rows) < chance).astype(int)
    frame = frame.drop(columns=[n for n, feature in scenario.features.items() if feature.hidden])
    return _cut(scenario, frame)


def _seen(scenario: Scenario, random_state: int) -> list[pd.DataFrame]:
    frame = draw_patients(scenario.clinical(), random_state=random_state)
    frame["date"] = _dates(scenario, (np.arange(len(frame)) + 0.5) / scenario.rows)
    return _cut(scenario, frame)


def _cut(scenario: Scenario, frame: pd.DataFrame) -> list[pd.DataFrame]:
    return [
        frame[start : start + scenario.rows].reset_index(drop=True)
        for start in range(0, len(frame), scenario.rows)
    ]


def _dates(scenario: Scenario, time: Any) -> pd.Series:
    edges = pd.DatetimeIndex(scenario.dates()).as_unit("s").asi8
    seconds = np.interp(time, np.arange(len(edges)), edges)
    return pd.Series(pd.to_datetime(seconds.astype(np.int64), unit="s"))


def _real(scenario: Scenario, bases: Mapping[str, Base]) -> list[pd.DataFrame]:
    tables: Sequence[pd.DataFrame] = member(bases, scenario.base, what="base of real data")()
    if len(tables) < scenario.periods:
        raise SpecError(
            f"the scenario has {scenario.periods} periods, and {scenario.base} {len(tables)} tables"
        )
    return [_thinned(rows, scenario.rows) for rows in tables[: scenario.periods]]


def _thinned(rows: pd.DataFrame, most: int) -> pd.DataFrame:
    """Keep rows from the whole period, in order."""
    kept = np.unique(np.linspace(0, len(rows) - 1, min(most, len(rows))).round().astype(int))
    thinned: pd.DataFrame = rows.iloc[kept].reset_index(drop=True)
    return thinned
