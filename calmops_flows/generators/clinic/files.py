"""A study as files: rows of each visit or period, with what goes missing and drifts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from calmops_flows.errors import SpecError
from calmops_flows.generators.clinic.names import DATE, GROUP, PATIENT, VISIT, listed
from calmops_flows.generators.clinic.study import BY_VISIT
from calmops_flows.generators.clinic.truth import patient_ids
from calmops_flows.generators.injection.inject import inject

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from calmops_flows.generators.clinic.simulate import Truth
    from calmops_flows.generators.clinic.study import Drift, Gaps, Study


@dataclass(frozen=True, slots=True)
class Period:
    """One file: its number (of the visit or period, from 1), its name and its rows."""

    number: int
    file_name: str
    rows: pd.DataFrame


@dataclass(frozen=True, slots=True)
class Parts:
    """The tables of the periods by number, and what was done to them."""

    rows: dict[int, pd.DataFrame]
    log: list[pd.DataFrame]


def table(study: Study, truth: Truth, kept: NDArray[np.bool_]) -> pd.DataFrame:
    """Return everything that was measured, one row per visit, in the order of time."""
    plan = truth.plan
    values: dict[str, Any] = {
        PATIENT: patient_ids(len(plan.entry))[plan.patient],
        VISIT: plan.visit,
        DATE: study.visits.dates(plan.calendar),
    }
    for name, codes in truth.batches.items():
        values[name] = np.array(list(study.batches[name].shares), dtype=object)[codes]
    values |= {name: truth.columns[name] for name in (GROUP, *study.cohort.columns)}
    for name, measured in truth.measured.items():
        digits = study.measures[name].digits
        values[name] = measured if digits is None else measured.round(digits)
    frames = [pd.DataFrame(values), *(layer.values for layer in truth.molecules.values())]
    frames.append(pd.DataFrame({name: truth.columns[name] for name in study.outcomes}))
    order = np.lexsort((plan.visit, plan.patient, values[DATE]))
    whole: pd.DataFrame = pd.concat(frames, axis=1).iloc[order[kept[order]]]
    return whole.reset_index(drop=True)


def split(study: Study, whole: pd.DataFrame) -> dict[int, pd.DataFrame]:
    """Return the rows of each visit or period by its number; those without rows are left out.

    Raises
    ------
    SpecError
        If the frequency of the periods leads to more than 10,000.
    """
    if study.files == BY_VISIT:
        numbers = whole[VISIT].to_numpy()
    else:
        numbers = np.searchsorted(_edges(study, whole[DATE].max()), whole[DATE], side="right")
    return {
        int(number): whole[numbers == number].reset_index(drop=True)
        for number in np.unique(numbers)
    }


def _edges(study: Study, last: pd.Timestamp) -> Any:
    start = pd.Timestamp(study.visits.start)
    edges = pd.date_range(start, last, freq=study.files)
    if len(edges) > 10_000:
        raise SpecError(f"files: {study.files!r} gives {len(edges)} periods; 10,000 at most")
    # The first period begins with the study, wherever the frequency has its anchor.
    return edges if len(edges) and edges[0] == start else edges.insert(0, start)


def disturb(
    study: Study, rows: dict[int, pd.DataFrame], features: Mapping[str, Sequence[str]], seed: int
) -> Parts:
    """Remove values and inject drift, and say where.

    Parameters
    ----------
    study : Study
        What is to happen.
    rows : dict of int to DataFrame
        As `split` gives them.
    features : mapping of str to sequence of str
        Names of the features of each layer.
    seed : int
        Of the study.

    Returns
    -------
    Parts
        The tables, and logs as `inject` has them, with patient and visit.

    Raises
    ------
    SpecError
        If a step does not fit the tables, or names a period that has no rows.
    """
    steps: list[tuple[str, Drift | dict[str, Any], tuple[int, ...] | None]] = []
    for gaps in study.missing:
        steps += [("missing", step, None) for step in _gap_steps(gaps, features)]
    steps += [("drift", drift.step, drift.periods) for drift in study.drift]
    parts, n_gaps = Parts(dict(rows), []), sum(what == "missing" for what, *_ in steps)
    for place, (what, step, periods) in enumerate(steps):
        number = place if what == "missing" else place - n_gaps
        chosen = tuple(parts.rows) if periods is None else periods
        unknown = [period for period in chosen if period not in parts.rows]
        if unknown:
            raise SpecError(
                f"drift: period {unknown[0]} has no rows; there are {listed(parts.rows)}"
            )
        if len({tuple(parts.rows[period].columns) for period in chosen}) > 1:
            raise SpecError(
                f"drift: step {number + 1} acts on files with different columns; put steps that "
                "change the columns of some files last, or name its periods"
            )
        _inject(parts, step, chosen, _seed(seed, what, number), what, number)
    return parts


def _seed(seed: int, what: str, number: int) -> int:
    """Return a seed of its own for each step."""
    mixed = np.random.SeedSequence([seed, ("missing", "drift").index(what), number])
    return int(mixed.generate_state(1)[0])


def _gap_steps(gaps: Gaps, features: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    columns = [one for name in gaps.columns for one in features.get(name, (name,))]
    step = {"kind": "missing", "columns": columns, "mechanism": gaps.mechanism, "by": gaps.by}
    if isinstance(gaps.rate, float | int):
        return [{**step, "magnitude": gaps.rate}] if gaps.rate else []
    return [
        {**step, "magnitude": rate, "rows": {"column": VISIT, "blocks": [visit]}}
        for visit, rate in enumerate(gaps.rate, start=1)
        if rate
    ]


def _inject(
    parts: Parts,
    step: Any,
    chosen: tuple[int, ...],
    seed: int,
    what: str,
    number: int,
) -> None:
    """Let a step act on the rows of some periods together, and put them back."""
    before = pd.concat([parts.rows[period] for period in chosen], ignore_index=True)
    done = inject(before, step, random_state=seed)
    log, after = done.log, done.data
    inserted = np.zeros(len(after), dtype=bool)
    if len(after) != len(before):
        inserted[log.loc[log["column"].isna(), "row"].to_numpy(dtype=np.intp)] = True
    origin = np.cumsum(~inserted) - 1
    period = np.repeat(chosen, [len(parts.rows[one]) for one in chosen])[origin]
    for one in chosen:
        parts.rows[one] = after[period == one].reset_index(drop=True)
    sources = log["source_row"].to_numpy(dtype=np.intp)
    # A column as a whole has no row.
    who = {name: before[name].reindex(sources).to_numpy() for name in (PATIENT, VISIT)}
    told = log.drop(columns=["row", "source_row"]).assign(step=number, of=what, **who)
    parts.log.append(told)
