"""``inject``: put drift into data, and say exactly where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from calmops_flows.generators.injection.plan import Step, parse_plan
from calmops_flows.generators.injection.tables import as_frame, as_given, differs

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from calmops_flows.generators.injection.base import Changed

WHOLE_COLUMN = -1
LOG_COLUMNS = ("step", "kind", "row", "source_row", "column", "magnitude")


@dataclass(frozen=True, slots=True)
class Injected:
    """Data with drift, and the truth about it.

    Parameters
    ----------
    data : DataFrame or pyarrow.Table
        As it was given.
    log : DataFrame
        One line per changed cell, in the order of the steps: ``step`` (from 0), ``kind``, ``row``
        (in the table that this step left; -1: a column as a whole came, went or was renamed),
        ``source_row`` (in the table that it found), ``column`` (missing for an inserted row), and
        ``magnitude``: new less old for numbers, else missing.
    """

    data: Any
    log: pd.DataFrame


def inject(data: pd.DataFrame | pa.Table, plan: object, *, random_state: int) -> Injected:
    """Put the drifts of a plan into data.

    Parameters
    ----------
    data : DataFrame or pyarrow.Table of shape (n_rows, n_columns)
        Not changed.
    plan : mapping, sequence of mappings, or path of a YAML file
        Steps with ``kind``, ``profile``, ``rows`` and the injector's parameters, as `Step`.
    random_state : int
        Seed; the same seed gives the same data.

    Returns
    -------
    Injected
        The data with the drifts, and a log that names every changed cell.

    Raises
    ------
    SpecError
        If the plan is not valid, or does not fit the data.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0]})
    >>> step = {"kind": "shift", "columns": ["a"], "magnitude": 2.0, "rows": {"start": 2}}
    >>> done = inject(table, step, random_state=0)
    >>> done.log[["row", "column"]].values.tolist()
    [[2, 'a'], [3, 'a']]
    """
    steps = parse_plan(plan)
    frame = as_frame(data)
    seeds = np.random.SeedSequence(random_state).spawn(len(steps))
    log = []
    for number, (step, seed) in enumerate(zip(steps, seeds, strict=True)):
        before = frame
        changed = _act(step, before, np.random.default_rng(seed))
        log += _told(number, step.kind, before, changed)
        frame = changed.frame
    told = pd.concat(log, ignore_index=True) if log else _lines(0, "", [], [], [], [])[:0]
    return Injected(as_given(frame, data), told)


def _act(step: Step, before: pd.DataFrame, rng: np.random.Generator) -> Changed:
    injector = step.injector()
    rows = step.rows.of(before)
    strength = np.zeros(len(before))
    strength[rows] = step.profile.strength(int(rows.sum()), rng)
    return injector.inject(before.copy(), strength, rng)


def _told(number: int, kind: str, before: pd.DataFrame, changed: Changed) -> list[pd.DataFrame]:
    after = changed.frame
    origin = np.arange(len(before)) if changed.origin is None else changed.origin
    moved = [name for name in before.columns if name not in after.columns]
    moved += [name for name in after.columns if name not in before.columns]
    whole = [WHOLE_COLUMN]
    lines = [_lines(number, kind, whole, whole, name, [np.nan]) for name in moved]
    if len(after) != len(before):
        fresh = np.flatnonzero(np.concatenate([[False], origin[1:] == origin[:-1]]))
        lines.append(_lines(number, kind, fresh, origin[fresh], None, np.full(len(fresh), np.nan)))
        compared = before.iloc[origin].reset_index(drop=True)
    else:
        compared = before
    for name in after.columns.intersection(before.columns):
        if after[name] is before[name]:
            continue
        cells = np.flatnonzero(_cells(compared[name], after[name]))
        if len(cells):
            by = _difference(compared[name].iloc[cells], after[name].iloc[cells])
            lines.append(_lines(number, kind, cells, origin[cells], name, by))
    return lines


def _cells(before: pd.Series, after: pd.Series) -> NDArray[np.bool_]:
    if before.dtype == after.dtype and before.dtype.kind in "iuf":
        left, right = before.to_numpy(), after.to_numpy()
        return np.asarray((left != right) & ~((left != left) & (right != right)))  # noqa: PLR0124
    return differs(before, after)


def _difference(before: pd.Series, after: pd.Series) -> NDArray[np.float64]:
    if not (pd.api.types.is_numeric_dtype(before) and pd.api.types.is_numeric_dtype(after)):
        return np.full(len(before), np.nan)
    left = before.to_numpy(dtype=float, na_value=np.nan)
    return np.asarray(after.to_numpy(dtype=float, na_value=np.nan) - left)


def _lines(number: int, kind: str, rows: Any, sources: Any, column: Any, by: Any) -> pd.DataFrame:
    values = (number, kind, rows, sources, column, by)
    return pd.DataFrame(dict(zip(LOG_COLUMNS, values, strict=True)))
