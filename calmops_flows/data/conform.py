"""Bring a file's table into the form that its pipeline's contract says."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from calmops_flows.data.contract import ColumnContract, Contract, missing_count
from calmops_flows.data.kinds import ARROW_TYPES, KEY, contract_type
from calmops_flows.data.labels import key_texts
from calmops_flows.errors import SnapshotError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_MOST_NAMED = 10
_TEXT_NUMBER = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"
_TEXT_DATE = r"^\s*\d{4}-\d{2}-\d{2}"
_TEXT_BOOL = r"^(?i:true|false)$"
_LOOKS = {
    "bool": _TEXT_BOOL,
    "int": _TEXT_NUMBER,
    "float": _TEXT_NUMBER,
    "date": _TEXT_DATE,
    "timestamp": _TEXT_DATE,
}


@dataclass(frozen=True, slots=True)
class ColumnNote:
    """What is odd about the values of one column; counts only, never a value.

    ``unseen_levels`` are the texts that the contract does not know, ``unseen_rows`` the
    rows that hold one.
    """

    name: str
    missing_rate: float = 0.0
    infinite: int = 0
    unseen_levels: int = 0
    unseen_rows: int = 0


@dataclass(frozen=True, slots=True)
class Conformed:
    """A table with the contract's columns in its order and types.

    A column of whole numbers that brought decimals is of floats. ``notes`` hold one
    entry per column with missing, infinite or unseen values.
    """

    table: pa.Table
    warnings: tuple[str, ...] = ()
    notes: tuple[ColumnNote, ...] = ()


def conform(table: pa.Table, contract: Contract, *, needs_target: bool = True) -> Conformed:
    """Check a table against the contract and give it the contract's form.

    Parameters
    ----------
    table : pyarrow.Table
        Rows as a reader gives them.
    contract : Contract
        What the pipeline expects.
    needs_target : bool, default True
        Whether a file without the target is refused; if not, the result may lack it.

    Returns
    -------
    Conformed
        The table, the warnings, and the notes by column.

    Raises
    ------
    SnapshotError
        ``missing_column`` (lists them), ``duplicate_column``, or ``column_type`` (with
        column, types and row).

    Examples
    --------
    >>> from calmops_flows.data.contract import learn
    >>> contract = learn(pa.table({"a": [1], "b": ["x"]}), target=None)
    >>> conform(pa.table({"b": ["y"], "a": [1.5], "c": [0]}), contract).table.to_pylist()
    [{'a': 1.5, 'b': 'y'}]
    """
    twice = [name for name, count in Counter(table.column_names).items() if count > 1]
    if twice:
        raise SnapshotError("duplicate_column", f"more than once: {_listed(map(repr, twice))}")
    present = set(table.column_names)
    lacking = [column for column in contract.columns if column.name not in present]
    _check_required(lacking, contract, needs_target=needs_target)
    warnings = _about_columns(table, contract, lacking)
    columns: dict[str, pa.ChunkedArray] = {}
    notes: list[ColumnNote] = []
    for column in contract.columns:
        if column.name in present:
            values, said = _fit(column, table.column(column.name))
            warnings += said
            columns[column.name] = values
            notes.append(_note(column, values))
        elif column.name != contract.target:
            columns[column.name] = _empty(column, table.num_rows)
    warnings += value_warnings(notes, contract)
    odd = tuple(note for note in notes if note != ColumnNote(note.name))
    return Conformed(pa.table(columns), tuple(warnings), odd)


def _check_required(
    lacking: list[ColumnContract], contract: Contract, *, needs_target: bool
) -> None:
    names = [c.name for c in lacking if c.required and c.name != contract.target]
    target_known = contract.target in contract.types
    if needs_target and contract.target is not None:
        target_lacks = not target_known or contract.target in {c.name for c in lacking}
        names += [contract.target] if target_lacks else []
    if names:
        raise SnapshotError(
            "missing_column", f"{_are_missing(len(names))}: {_listed(map(repr, names))}"
        )


def _are_missing(n: int) -> str:
    return "1 column is missing" if n == 1 else f"{n} columns are missing"


def _about_columns(table: pa.Table, contract: Contract, lacking: list[ColumnContract]) -> list[str]:
    warnings = []
    known = contract.types
    extra = [name for name in table.column_names if name not in known]
    if extra:
        warnings.append(f"{len(extra)} extra columns ignored: {_listed(map(repr, extra))}")
    return warnings + absent_warnings(lacking, contract)


def absent_warnings(lacking: Iterable[ColumnContract], contract: Contract) -> list[str]:
    """Name the optional columns that are not there, as one warning or none."""
    absent = [c.name for c in lacking if c.name != contract.target]
    if not absent:
        return []
    return [f"{len(absent)} optional columns missing: {_listed(map(repr, absent))}"]


def _fit(column: ColumnContract, values: pa.ChunkedArray) -> tuple[pa.ChunkedArray, list[str]]:
    """Cast one column to its contract type, or say at which row it does not fit."""
    found = contract_type(values.type)
    if found is None:
        raise _misfit(column, str(values.type), 0)
    if column.type == "null":
        said = f"column {column.name!r}: had no value in the contract, now {found}"
        return _canonical(column, values, found), [said] if found != "null" else []
    if found == "null" or values.null_count == len(values):
        return _empty(column, len(values)), []
    cast = _CASTS.get((column.type, found))
    if cast is None:
        raise _misfit(column, found, _first_odd(column.type, values))
    return cast(column, values)


def _canonical(column: ColumnContract, values: pa.ChunkedArray, kind: str) -> pa.ChunkedArray:
    wanted = ARROW_TYPES[kind]
    if values.type == wanted:
        return values
    if kind == "category":
        return pc.dictionary_encode(pc.cast(_decoded(values), pa.string()))
    if kind == "string":
        return pc.cast(_decoded(values), wanted)
    try:
        # Doubles round large integers, and nobody misses nanoseconds: both on purpose.
        is_rounded = kind == "float" or (pa.types.is_timestamp(values.type) and kind == "timestamp")
        return pc.cast(values, wanted, safe=not is_rounded)
    except pa.ArrowInvalid as err:  # an int beyond 64 bits, a time that is no whole day
        raise SnapshotError(
            "column_type",
            f"column {column.name!r}: expected {kind}, found {values.type} with values beyond it",
        ) from err


def _same(column: ColumnContract, values: pa.ChunkedArray) -> tuple[pa.ChunkedArray, list[str]]:
    return _canonical(column, values, column.type), []


def _key(_: ColumnContract, values: pa.ChunkedArray) -> tuple[pa.ChunkedArray, list[str]]:
    return pa.chunked_array([key_texts(values)]), []


def _int_of_float(
    column: ColumnContract, values: pa.ChunkedArray
) -> tuple[pa.ChunkedArray, list[str]]:
    """Whole numbers stay whole (pandas writes them as floats beside a missing cell)."""
    floats = pc.cast(values, pa.float64())
    try:
        missing = pc.is_nan(floats)
        return pc.cast(pc.if_else(missing, None, floats), pa.int64()), []
    except pa.ArrowInvalid:
        return floats, [f"column {column.name!r}: whole numbers in the contract, now with decimals"]


def _number_of_bool(
    column: ColumnContract, values: pa.ChunkedArray
) -> tuple[pa.ChunkedArray, list[str]]:
    said = f"column {column.name!r}: {column.type} in the contract, now true and false"
    return pc.cast(values, ARROW_TYPES[column.type]), [said]


def _bool_of_int(
    column: ColumnContract, values: pa.ChunkedArray
) -> tuple[pa.ChunkedArray, list[str]]:
    other = pc.invert(pc.is_in(values, value_set=pa.array([0, 1, None], values.type)))
    row = pc.index(other, True).as_py()
    if row >= 0:
        raise _misfit(column, "int", row)
    said = f"column {column.name!r}: true and false in the contract, now 0 and 1"
    return pc.cast(values, pa.bool_()), [said]


def _date_of_timestamp(
    column: ColumnContract, values: pa.ChunkedArray
) -> tuple[pa.ChunkedArray, list[str]]:
    days = pc.cast(values, pa.date32())
    if pc.all(pc.equal(pc.cast(days, values.type), values)).as_py():
        return days, []
    return days, [f"column {column.name!r}: dates in the contract, now with times; these are cut"]


_CASTS: dict[tuple[str, str], Callable[..., tuple[pa.ChunkedArray, list[str]]]] = {
    **{(kind, kind): _same for kind in ARROW_TYPES},
    **{(KEY, kind): _key for kind in ARROW_TYPES},
    ("int", "float"): _int_of_float,
    ("int", "bool"): _number_of_bool,
    ("float", "int"): _same,
    ("float", "bool"): _number_of_bool,
    ("bool", "int"): _bool_of_int,
    ("string", "category"): _same,
    ("category", "string"): _same,
    ("timestamp", "date"): _same,
    ("date", "timestamp"): _date_of_timestamp,
}


def _decoded(values: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_dictionary(values.type):
        return pc.cast(values, values.type.value_type)
    return values


def _empty(column: ColumnContract, n_rows: int) -> pa.ChunkedArray:
    return pa.chunked_array([pa.nulls(n_rows, ARROW_TYPES[column.type])])


def _misfit(column: ColumnContract, found: str, row: int) -> SnapshotError:
    return SnapshotError(
        "column_type",
        f"column {column.name!r}: expected {column.type}, found {found} at row {row + 1}",
    )


def _first_odd(kind: str, values: pa.ChunkedArray) -> int:
    """Row of the first value that does not even look like the type, else of any value."""
    is_odd = pc.is_valid(values)
    if kind in _LOOKS and contract_type(values.type) in {"string", "category"}:
        looks = pc.match_substring_regex(pc.cast(_decoded(values), pa.string()), _LOOKS[kind])
        odd = pc.and_(is_odd, pc.invert(looks))
        if pc.any(odd).as_py():
            is_odd = odd
    return max(0, int(pc.index(is_odd, True).as_py()))


def _note(column: ColumnContract, values: pa.ChunkedArray) -> ColumnNote:
    n_rows = len(values)
    infinite = 0
    if pa.types.is_floating(values.type):
        infinite = int(pc.sum(pc.is_inf(values)).as_py() or 0)
    levels, rows = _unseen(column, values)
    rate = missing_count(values) / n_rows if n_rows else 0.0
    return ColumnNote(column.name, rate, infinite, levels, rows)


def _unseen(column: ColumnContract, values: pa.ChunkedArray) -> tuple[int, int]:
    """Count the levels that the contract does not know, and their rows."""
    if column.categories is None or contract_type(values.type) not in {"string", "category"}:
        return 0, 0
    known = pa.array(column.categories, pa.string())
    counted = pc.value_counts(_decoded(values))
    levels, rows = counted.field("values"), counted.field("counts")
    unseen = pc.and_(pc.is_valid(levels), pc.invert(pc.is_in(levels, value_set=known)))
    return int(pc.sum(unseen).as_py() or 0), int(pc.sum(rows.filter(unseen)).as_py() or 0)


def value_warnings(notes: Iterable[ColumnNote], contract: Contract) -> list[str]:
    """Say what is odd about the values of a table, as sentences without a value.

    Parameters
    ----------
    notes : iterable of ColumnNote
        In the contract's order; columns without anything odd may be left out.
    contract : Contract
        What the pipeline expects.

    Returns
    -------
    list of str
        Warnings.
    """
    notes = list(notes)
    infinite = [f"{n.name!r} ({n.infinite})" for n in notes if n.infinite]
    unseen = [
        f"{n.name!r} ({n.unseen_levels} levels, {n.unseen_rows} rows)"
        for n in notes
        if n.unseen_levels
    ]
    rates = {column.name: column.missing_rate for column in contract.columns}
    emptied = [f"{n.name!r}" for n in notes if n.missing_rate == 1 and rates[n.name] < 1]
    target = [
        f"target {n.name!r}: {n.missing_rate:.1%} of the rows have none"
        for n in notes
        if n.name == contract.target and n.missing_rate > 0
    ]
    told = (
        ("infinite numbers", infinite),
        ("categories that the contract does not know", unseen),
        ("no value at all", emptied),
    )
    return [
        f"{what} in {len(names)} columns: {_listed(names)}" for what, names in told if names
    ] + target


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" … and {more} more" if more > 0 else "")
