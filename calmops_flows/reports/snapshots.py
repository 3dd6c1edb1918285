"""What the drift engine says of a stream of snapshots, beside what was put into them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from calmops_flows.errors import SpecError
from calmops_flows.reports.comparison import verdict_of

if TYPE_CHECKING:
    import pandas as pd

    from calmops_flows.records import DriftReport


@dataclass(frozen=True, slots=True)
class SnapshotVerdict:
    """One snapshot against the reference.

    Parameters
    ----------
    name : str
        Its name.
    verdict : DriftReport
        With the default policy.
    truth : mapping of str to int or None, or None
        Changed cells by column (None: not counted); None when the truth is not known.
    """

    name: str
    verdict: DriftReport
    truth: Mapping[str, int | None] | None

    @property
    def found(self) -> tuple[str, ...]:
        """Columns that were changed and are named."""
        return tuple(name for name in self.truth or {} if name in self.verdict.drifted)

    @property
    def missed(self) -> tuple[str, ...]:
        """Columns that were changed and are not named."""
        return tuple(name for name in self.truth or {} if name not in self.verdict.drifted)

    @property
    def unasked(self) -> tuple[str, ...]:
        """Columns that are named and were not changed."""
        return tuple(name for name in self.verdict.drifted if name not in (self.truth or {}))


def judge(
    reference: pd.DataFrame,
    snapshots: Iterable[tuple[str, pd.DataFrame]],
    truth: Mapping[str, Mapping[str, int]] | None = None,
) -> tuple[SnapshotVerdict, ...]:
    """Judge snapshots against one reference.

    Parameters
    ----------
    reference : DataFrame
        What they are compared with.
    snapshots : iterable of (str, DataFrame)
        Names and tables, in order.
    truth : mapping of str to mapping of str to int, optional
        By snapshot and column, how many cells were changed.

    Returns
    -------
    tuple of SnapshotVerdict
        In order.

    Raises
    ------
    SpecError
        If there is no snapshot, or one shares no column with the reference.
    """
    found = []
    for name, rows in snapshots:
        if not set(rows.columns) & set(reference.columns):
            raise SpecError(f"snapshot {name!r} has no column in common with the reference")
        told = None if truth is None else dict[str, int | None](truth.get(name, {}))
        found.append(SnapshotVerdict(name, verdict_of(reference, rows), told))
    if not found:
        raise SpecError("there is no snapshot to judge")
    return tuple(found)


def blocks_of(data: pd.DataFrame, column: str) -> list[tuple[str, pd.DataFrame]]:
    """Cut a table into its blocks, in the order in which they come first.

    Parameters
    ----------
    data : DataFrame
        With a column of block ids; rows without an id belong to no block.
    column : str
        That column, which the blocks do not have.

    Raises
    ------
    SpecError
        If there is no such column.
    """
    if column not in data.columns:
        listed = ", ".join(map(str, data.columns[:10]))
        raise SpecError(f"no column {column!r}; columns: {listed}")
    return [
        (str(key), rows.drop(columns=column).reset_index(drop=True))
        for key, rows in data.groupby(column, sort=False, observed=True)
    ]


def truth_of(log: pd.DataFrame, names: Mapping[int, str]) -> dict[str, dict[str, int]]:
    """Return the changed cells by snapshot and column, from a scenario's log.

    Parameters
    ----------
    log : DataFrame
        With the columns ``period`` and ``column``, as ``truth.csv`` of a scenario.
    names : mapping of int to str
        The snapshot of each period.

    Raises
    ------
    SpecError
        If a column is not there.
    """
    missing = {"period", "column"} - set(log.columns)
    if missing:
        raise SpecError(f"a log of injected drift has a column {min(missing)!r}")
    found: dict[str, dict[str, int]] = {name: {} for name in names.values()}
    named = log[log["column"].notna()]  # a row that was inserted changes no column
    cells = Counter(zip(named["period"].tolist(), named["column"].tolist(), strict=True))
    for (period, column), times in cells.items():
        if period in names:
            found[names[period]][str(column)] = times
    return found


def plain_snapshots(judged: Iterable[SnapshotVerdict]) -> list[dict[str, Any]]:
    """Return verdicts as plain values, for JSON."""
    return [
        {
            "snapshot": one.name,
            "is_drift": one.verdict.is_drift,
            "columns": list(one.verdict.drifted),
            "truth": None if one.truth is None else dict(one.truth),
            "found": list(one.found),
            "missed": list(one.missed),
            "unasked": list(one.unasked),
        }
        for one in judged
    ]
