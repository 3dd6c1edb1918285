"""Inject a plan into the snapshots of a simulation, and keep the truth of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from calmops_flows.errors import SpecError
from calmops_flows.generators import inject
from calmops_flows.generators.injection.plan import Rows, Step, parse_plan

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from calmops_flows.steps.simulation.source import Drawn, Size


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of one snapshot, the columns that were changed, and whether anything was."""

    rows: pd.DataFrame
    changed: tuple[str, ...]
    is_changed: bool


def parse(plan: object, drawn: Drawn, size: Size) -> tuple[Step, ...]:
    """Read a plan, and let it begin where the simulation says.

    Raises
    ------
    SpecError
        If a step is not valid, says which rows it acts on, or would begin after the end.
    """
    if plan is None:
        return ()
    if size.begins > size.n_snapshots:
        raise SpecError(
            f"the drift begins with snapshot {size.begins}, after the last of "
            f"{size.n_snapshots} snapshots; let it begin earlier, or ask for more"
        )
    first = sum(drawn.lengths[: size.begins - 1])
    found = []
    for step in parse_plan(plan):
        if step.rows != Rows():
            raise SpecError("a step of a simulation has no rows; it acts from `begins` on")
        is_whole = step.injector().WHOLE
        found.append(step if is_whole else step.model_copy(update={"rows": Rows(start=first)}))
    return tuple(found)


def to_yaml(steps: tuple[Step, ...]) -> str:
    """Return a plan as the YAML that ``calmops generate inject`` takes."""
    return yaml.safe_dump([_plain(step) for step in steps], sort_keys=False) if steps else ""


def changed_parts(drawn: Drawn, steps: tuple[Step, ...], size: Size) -> list[Part]:
    """Inject a plan, and cut the rows into snapshots.

    A step that changes whole tables is applied to all snapshots from ``begins`` on.

    Raises
    ------
    SpecError
        If the plan does not fit the data.
    """
    rows, of = drawn.rows, np.repeat(np.arange(size.n_snapshots), drawn.lengths)
    touched: list[set[str]] = [set(names) for names in drawn.changed]
    hit = [bool(names) for names in drawn.changed]
    whole = [step for step in steps if step.injector().WHOLE]
    single = [step for step in steps if not step.injector().WHOLE]
    if single:
        done = inject(rows, single, random_state=size.random_state)
        for step in range(len(single)):
            log = done.log[done.log["step"] == step]
            of = _with_copies(of, log)
            _mark(log, of, touched, hit)
        rows = done.data
    frames = [rows[of == number].reset_index(drop=True) for number in range(size.n_snapshots)]
    for number in range(size.begins - 1, size.n_snapshots) if whole else ():
        done = inject(frames[number], whole, random_state=size.random_state)
        frames[number] = done.data
        touched[number] |= set(done.log["column"].dropna())
        hit[number] = hit[number] or len(done.log) > 0
    order = [str(name) for name in drawn.rows.columns]
    return [
        Part(frame, tuple(sorted(names, key=lambda n: (n not in order, n))), is_hit)
        for frame, names, is_hit in zip(frames, touched, hit, strict=True)
    ]


def _with_copies(of: NDArray[np.int64], log: pd.DataFrame) -> NDArray[np.int64]:
    """Return the snapshot of every row after a step that inserted copies of some."""
    inserted = log.loc[log["column"].isna(), "row"].to_numpy(dtype=np.int64)
    if not len(inserted):
        return of
    is_new = np.zeros(len(of) + len(inserted), dtype=bool)
    is_new[inserted] = True
    return np.asarray(of[np.cumsum(~is_new) - 1])


def _mark(
    log: pd.DataFrame, of: NDArray[np.int64], touched: list[set[str]], hit: list[bool]
) -> None:
    numbers: Any = of[log["row"].to_numpy(dtype=np.int64)]
    for number in np.unique(numbers):
        names = log.loc[numbers == number, "column"].dropna()
        touched[number] |= {str(name) for name in names.unique()}
        hit[number] = True


def _plain(step: Step) -> dict[str, Any]:
    """Return a step as a person would write it."""
    values = step.model_dump(mode="json", exclude_defaults=True)
    params = values.pop("params", {})
    return {"kind": values.pop("kind"), **params, **values}
