"""Numbers with a decimal comma and dates in local order, found in text columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from calmops_flows.data.kinds import is_text

if TYPE_CHECKING:
    from calmops_flows.data.batch import Request

COMMA_NUMBER = r"^\s*[+-]?(\d+(,\d*)?|,\d+)([eE][+-]?\d+)?\s*$"
_WITH_COMMA = r"^\s*[+-]?\d*,\d+([eE][+-]?\d+)?\s*$"
LOCAL_DATE = r"^\s*\d{1,2}[./-]\d{1,2}[./-](\d{4}|\d{2})([ T].*)?$"
_DAY_FIRST = r"^\s*(1[3-9]|2\d|3[01])[./-]"
_MONTH_FIRST = r"^\s*\d{1,2}[./-](1[3-9]|2\d|3[01])[./-]"
_CLOCK_FIELDS = ("%H", "%I", "%M", "%S", "%T", "%R", "%p")
_LOOK_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class _Seen:
    """One text column: how it may be read, or what to say about it."""

    values: pa.ChunkedArray
    warning: str | None = None


def settle_text(table: pa.Table, request: Request) -> tuple[pa.Table, tuple[str, ...]]:
    """Convert text columns that the options explain, and report the doubtful ones.

    Parameters
    ----------
    table : pyarrow.Table
        A table with names that occur once.
    request : Request
        ``options["decimal"]`` and ``options["date_format"]`` explain the text.

    Returns
    -------
    table : pyarrow.Table
        The same columns; those that were explained are numbers or dates.
    warnings : tuple of str
        One per column that stays text although it looks like numbers or dates.
    """
    warnings: list[str] = []
    for index, column in enumerate(table.schema):
        if not is_text(column.type) or column.name in request.text_columns:
            continue
        seen = _look(column.name, table.column(index), request)
        if seen.warning is not None:
            warnings.append(seen.warning)
        if seen.values is not table.column(index) and seen.values.type != column.type:
            table = table.set_column(index, column.name, seen.values)
    return table, tuple(warnings)


def _look(name: str, values: pa.ChunkedArray, request: Request) -> _Seen:
    date_format = request.options.get("date_format")
    if date_format is not None:
        parsed = parse_dates(values, date_format)
        if parsed is not None:
            return _Seen(parsed)
    expected = (request.types or {}).get(name)
    head = values.slice(0, _LOOK_ROWS)
    numeric = expected in {"int", "float"}
    if _share(head, COMMA_NUMBER) > (0 if numeric else 0.5):
        return _comma_numbers(name, values, request, expected=numeric)
    if _share(head, LOCAL_DATE) > (0 if expected in {"date", "timestamp"} else 0.5):
        return _Seen(values, _say_dates(name, values))
    return _Seen(values)


def _comma_numbers(
    name: str, values: pa.ChunkedArray, request: Request, *, expected: bool
) -> _Seen:
    with_comma = _count(values, _WITH_COMMA)
    if with_comma == 0:
        return _Seen(values)
    if request.options.get("decimal") == "," and _share(values, COMMA_NUMBER) == 1:
        points = pc.replace_substring(pc.utf8_trim_whitespace(values), ",", ".")
        return _Seen(pc.cast(points, pa.float64()))
    hint = " where the contract says numbers" if expected else ""
    return _Seen(
        values,
        f"column {name!r}: {with_comma} of {len(values)} cells look like numbers with a decimal "
        f"comma{hint}; kept as text; set read_options decimal: ','",
    )


def _say_dates(name: str, values: pa.ChunkedArray) -> str:
    day_first, month_first = _count(values, _DAY_FIRST), _count(values, _MONTH_FIRST)
    if day_first and month_first:
        order = "both day-month and month-day occur"
    elif day_first:
        order = "the day seems to come first"
    elif month_first:
        order = "the month seems to come first"
    else:
        order = "day and month cannot be told apart"
    return (
        f"column {name!r}: dates in local order, {order}; kept as text; "
        "set read_options date_format"
    )


def parse_dates(values: pa.ChunkedArray, date_format: str) -> pa.ChunkedArray | None:
    """Parse text in one strptime format, or return None when a cell does not fit.

    Parameters
    ----------
    values : pyarrow.ChunkedArray
        Text; nulls stay nulls.
    date_format : str
        As for ``strptime``; without a clock field the result is a date.
    """
    if values.null_count == len(values):
        return None
    parsed = pc.strptime(values, format=date_format, unit="us", error_is_null=True)
    if parsed.null_count != values.null_count:
        return None
    if any(field in date_format for field in _CLOCK_FIELDS):
        return parsed
    return pc.cast(parsed, pa.date32())


def _count(values: pa.ChunkedArray, pattern: str) -> int:
    return int(pc.sum(pc.match_substring_regex(values, pattern)).as_py() or 0)


def _share(values: pa.ChunkedArray, pattern: str) -> float:
    present = len(values) - values.null_count
    return _count(values, pattern) / present if present else 0.0
