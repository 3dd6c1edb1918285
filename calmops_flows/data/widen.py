"""A wider contract: what an accepted snapshot changes in it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from calmops_flows.data.contract import ColumnContract, Contract
from calmops_flows.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Iterator

# A value of the first type fits a column of the second.
_WIDER = {
    ("bool", "int"): "int",
    ("bool", "float"): "float",
    ("int", "float"): "float",
    ("category", "string"): "string",
    ("date", "timestamp"): "timestamp",
}


def widen(contract: Contract, found: Contract) -> tuple[Contract, tuple[str, ...]]:
    """Return the contract that both the old one and a snapshot fit.

    Columns that the snapshot lacks become optional, new ones are added as optional, types
    grow to the wider of the two. The target stays what it is.

    Parameters
    ----------
    contract : Contract
        The present one.
    found : Contract
        As `learn` gives it for the snapshot.

    Returns
    -------
    contract : Contract
        The wider one.
    changes : tuple of str
        What is different, one sentence each; empty when nothing is.

    Raises
    ------
    SpecError
        If the snapshot lacks the target, or a column changed between numbers, text and dates.

    Examples
    --------
    >>> old = Contract((ColumnContract("a", "int"), ColumnContract("b", "float")))
    >>> new = Contract((ColumnContract("a", "float"), ColumnContract("c", "string")))
    >>> widen(old, new)[1]
    ('a: int becomes float', 'b: is optional now', 'c: is new (string)')
    """
    theirs = {column.name: column for column in found.columns}
    if contract.target is not None and contract.target not in theirs:
        raise SpecError(f"the snapshot lacks the target {contract.target!r}; that is no contract")
    columns: list[ColumnContract] = []
    changes: list[str] = []
    for column in contract.columns:
        wider = _wider(column, theirs.pop(column.name, None))
        changes.extend(_said(column, wider))
        columns.append(wider)
    for column in theirs.values():
        columns.append(replace(column, required=False))
        changes.append(f"{column.name}: is new ({column.type})")
    return Contract(tuple(columns), contract.target), tuple(changes)


def _wider(column: ColumnContract, other: ColumnContract | None) -> ColumnContract:
    if other is None:
        return replace(column, required=False)
    pair = (column.type, other.type)
    if other.type in {column.type, "null"}:
        kind = column.type
    elif column.type == "null":
        kind = other.type
    else:
        kind = _WIDER.get(pair) or _WIDER.get((other.type, column.type)) or ""
    if not kind:
        raise SpecError(
            f"column {column.name!r} is {column.type} in the contract and {other.type} in the "
            "snapshot; models that learnt the one cannot read the other: repair the file, or "
            "rename the column"
        )
    levels = None
    if column.categories is not None and other.categories is not None:
        levels = tuple(sorted({*column.categories, *other.categories}))
    return replace(
        column,
        type=kind,
        categories=levels,
        minimum=_extreme(min, column.minimum, other.minimum),
        maximum=_extreme(max, column.maximum, other.maximum),
    )


def _extreme(choose: object, *values: float | None) -> float | None:
    known = [value for value in values if value is not None]
    return choose(known) if known else None  # type: ignore[operator]  # min or max


def _said(before: ColumnContract, after: ColumnContract) -> Iterator[str]:
    if before.type != after.type:
        yield f"{before.name}: {before.type} becomes {after.type}"
    if before.required and not after.required:
        yield f"{before.name}: is optional now"
    if before.categories is not None and after.categories is not None:
        more = len(after.categories) - len(before.categories)
        if more:
            yield f"{before.name}: {more} more levels"
