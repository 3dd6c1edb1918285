"""The contract's check for a few rows, in plain Python, where nothing is odd about their types."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from calmops_flows.data.conform import ColumnNote, absent_warnings, value_warnings
from calmops_flows.data.kinds import KEY
from calmops_flows.learning.columns import TEXT
from calmops_flows.learning.compiled import Rows
from calmops_flows.serving.rows import extra_warnings, named

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from calmops_flows.data.contract import ColumnContract, Contract
    from calmops_flows.serving.payload import Payload

    Check = Callable[[Sequence[Any]], bool]

_EXACT = 2**53  # whole numbers up to here are floats without rounding
_MOMENT = re.compile(r"[1-9]\d{3}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?)?", re.ASCII)
_DAY = re.compile(r"[1-9]\d{3}-\d\d-\d\d", re.ASCII)


class PlainReader:
    """Reads what needs no conversion, and leaves all else to `to_table`.

    Whatever it returns, `to_table` would have given the same values and warnings.

    Parameters
    ----------
    contract : Contract
        The pipeline's.
    """

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._columns = [c for c in contract.columns if c.name != contract.target]
        self._features = [c.name for c in self._columns if c.type != KEY]
        self._known = {*(column.name for column in contract.columns), contract.target}
        self._levels = {
            c.name: frozenset(c.categories)
            for c in self._columns
            if c.type in TEXT and c.categories is not None
        }

    def read(self, payload: Payload) -> tuple[Rows, tuple[str, ...]] | None:
        """Check rows against the contract.

        Parameters
        ----------
        payload : Payload
            Rows as they came.

        Returns
        -------
        tuple of Rows and warnings, or None
            None where a value or a column wants a closer look.
        """
        given = named(payload, self._features)
        columns: dict[str, Sequence[Any]] = {}
        notes: list[ColumnNote] = []
        lacking: list[ColumnContract] = []
        for column in self._columns:
            values = given.get(column.name)
            if values is None:
                if column.required:
                    return None
                lacking.append(column)
                columns[column.name] = [None] * payload.n_rows
                continue
            if not isinstance(values, list) or not _CHECKS[column.type](values):
                return None
            columns[column.name] = values
            note = self._note(column, values)
            if note is not None:
                notes.append(note)
        warnings = (
            *extra_warnings(given, self._known),
            *absent_warnings(lacking, self._contract),
            *value_warnings(notes, self._contract),
        )
        return Rows(columns, payload.n_rows), warnings

    def _note(self, column: ColumnContract, values: list[Any]) -> ColumnNote | None:
        levels = self._levels.get(column.name)
        rate = values.count(None) / len(values) if None in values else 0.0
        unseen = () if levels is None else [v for v in values if v is not None and v not in levels]
        if not rate and not unseen:
            return None
        return ColumnNote(column.name, rate, 0, len(set(unseen)), len(unseen))


def _are_numbers(values: Sequence[Any]) -> bool:
    return all(
        value is None
        or (type(value) is float and math.isfinite(value))
        or (type(value) is int and -_EXACT < value < _EXACT)
        for value in values
    )


def _are_whole(values: Sequence[Any]) -> bool:
    return all(
        value is None
        or (type(value) is int and -_EXACT < value < _EXACT)
        or (type(value) is float and value.is_integer() and -_EXACT < value < _EXACT)
        for value in values
    )


def _are_booleans(values: Sequence[Any]) -> bool:
    return all(value is None or type(value) is bool for value in values)


def _are_texts(values: Sequence[Any]) -> bool:
    return all(
        value is None or (type(value) is str and (value.isascii() or _is_encodable(value)))
        for value in values
    )


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _are_moments(pattern: re.Pattern[str], values: Sequence[Any]) -> bool:
    if not all(v is None or (type(v) is str and pattern.fullmatch(v)) for v in values):
        return False
    try:
        np.array(values, dtype="datetime64[us]")
    except ValueError:  # 30 February
        return False
    return True


def _are_missing(values: Sequence[Any]) -> bool:
    return all(value is None for value in values)


_CHECKS: dict[str, Check] = {
    "bool": _are_booleans,
    "int": _are_whole,
    "float": _are_numbers,
    "string": _are_texts,
    "category": _are_texts,
    "date": lambda values: _are_moments(_DAY, values),
    "timestamp": lambda values: _are_moments(_MOMENT, values),
    "null": _are_missing,
    KEY: _are_texts,
}
