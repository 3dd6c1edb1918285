"""The contract: which columns a pipeline's files have, and of which types."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from calmops_flows.data.kinds import ARROW_TYPES, KEY, contract_type
from calmops_flows.errors import SnapshotError, SpecError

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_LEVELS = 1_000


@dataclass(frozen=True, slots=True)
class ColumnContract:
    """What a column of the first snapshot was like.

    Attributes
    ----------
    name : str
        Name of the column.
    type : str
        ``bool``, ``int``, ``float``, ``string``, ``category``, ``date``, ``timestamp``;
        ``null`` when no value was seen, ``key`` for what names a row.
    required : bool
        Whether a file without it is refused.
    missing_rate : float
        Share of null and NaN cells.
    categories : tuple of str or None
        Levels of text, sorted; None for other types and above 1,000 levels.
    minimum, maximum : float or None
        Smallest and largest finite number; None for other types.
    """

    name: str
    type: str
    required: bool = True
    missing_rate: float = 0.0
    categories: tuple[str, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, slots=True)
class Contract:
    """The columns in the order of the first snapshot, and which one is the target."""

    columns: tuple[ColumnContract, ...]
    target: str | None = None

    @property
    def types(self) -> dict[str, str]:
        """Contract type by column, as the readers take it."""
        return {column.name: column.type for column in self.columns}

    def to_json(self) -> str:
        """Return the canonical JSON text: equal contracts give equal text."""
        value = {"columns": [asdict(column) for column in self.columns], "target": self.target}
        return json.dumps(
            value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        )

    @classmethod
    def from_json(cls, text: str) -> Contract:
        """Read what `to_json` wrote.

        Parameters
        ----------
        text : str
            Canonical JSON.

        Raises
        ------
        SpecError
            If the text is no contract.
        """
        try:
            value = json.loads(text)
            columns = tuple(_column(entry) for entry in value["columns"])
            return cls(columns, value["target"])
        except (ValueError, KeyError, TypeError) as err:
            raise SpecError(f"not the JSON text of a contract: {err}") from err


def learn(
    table: pa.Table, *, target: str | None, declared: Mapping[str, str] | None = None
) -> Contract:
    """Learn the contract from the first snapshot.

    Parameters
    ----------
    table : pyarrow.Table
        Rows as a reader gives them.
    target : str or None
        Column to predict.
    declared : mapping of str to str, optional
        Contract type by column, as the spec declares it; it wins over the type found.
        `conform` says whether this table fits it.

    Returns
    -------
    Contract
        All columns of the table, then declared ones that it lacks; a column without
        any value is not required.

    Raises
    ------
    SnapshotError
        ``duplicate_column`` or ``nested_type``.

    Examples
    --------
    >>> learn(pa.table({"x": [1, None], "y": ["a", "b"]}), target="y").types
    {'x': 'int', 'y': 'string'}
    """
    declared = declared or {}
    if len(set(table.column_names)) < table.num_columns:
        raise SnapshotError("duplicate_column", "a name occurs more than once")
    columns = [
        _learn_column(name, values, declared.get(name))
        for name, values in zip(table.column_names, table.columns, strict=True)
    ]
    lacking = [name for name in declared if name not in set(table.column_names)]
    columns += [
        ColumnContract(name, declared[name], required=declared[name] != KEY) for name in lacking
    ]
    return Contract(tuple(columns), target)


def missing_count(values: pa.ChunkedArray) -> int:
    """Count null and NaN cells.

    Parameters
    ----------
    values : pyarrow.ChunkedArray
        One column.
    """
    nulls = int(values.null_count)
    if pa.types.is_floating(values.type):
        nulls += int(pc.sum(pc.is_nan(values)).as_py() or 0)
    return nulls


def _learn_column(name: str, values: pa.ChunkedArray, declared: str | None) -> ColumnContract:
    found = contract_type(values.type)
    if found is None:
        raise SnapshotError("nested_type", f"column {name!r}: type {values.type} is not supported")
    if values.null_count == len(values):
        found = "null"
    kind = declared or found
    rate = missing_count(values) / len(values) if len(values) else 0.0
    lowest, highest = _range(values) if kind in {"int", "float"} else (None, None)
    return ColumnContract(
        name=name,
        type=kind,
        required=kind not in {"null", KEY},
        missing_rate=rate,
        categories=_levels(values) if kind in {"string", "category"} else None,
        minimum=lowest,
        maximum=highest,
    )


def _range(values: pa.ChunkedArray) -> tuple[float | None, float | None]:
    if contract_type(values.type) not in {"int", "float", "bool"}:
        return None, None  # declared a number, found otherwise: conform says so
    if pa.types.is_floating(values.type):
        values = values.filter(pc.is_finite(values))
    elif pa.types.is_boolean(values.type) or pa.types.is_decimal(values.type):
        values = pc.cast(values, pa.float64())
    ends = pc.min_max(values).as_py()
    if ends["min"] is None:
        return None, None
    return float(ends["min"]), float(ends["max"])


def _levels(values: pa.ChunkedArray) -> tuple[str, ...] | None:
    if contract_type(values.type) not in {"string", "category"}:
        return None
    if pa.types.is_dictionary(values.type):
        values = pc.cast(values, values.type.value_type)
    levels = pc.drop_null(pc.unique(values))
    if len(levels) > MOST_LEVELS:
        return None
    return tuple(sorted(str(level) for level in levels.to_pylist()))


def _column(entry: dict[str, Any]) -> ColumnContract:
    known = {field.name for field in fields(ColumnContract)}
    if set(entry) != known or entry["type"] not in ARROW_TYPES:
        raise ValueError(f"column with fields {sorted(entry)!r}")
    levels = entry["categories"]
    return ColumnContract(**{**entry, "categories": None if levels is None else tuple(levels)})
