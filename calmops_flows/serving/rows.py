"""Rows of a request under the pipeline's contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from calmops_flows.data.conform import conform
from calmops_flows.data.kinds import KEY, is_text
from calmops_flows.errors import SnapshotError
from calmops_flows.serving.problems import RequestError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from calmops_flows.data.contract import Contract
    from calmops_flows.serving.payload import Payload

_MOST_NAMED = 10
_UTC = pa.timestamp("us", "UTC")


def to_table(
    payload: Payload, contract: Contract, *, block_column: str | None = None
) -> tuple[pa.Table, tuple[str, ...]]:
    """Give rows the contract's columns and types, or say why they do not fit.

    Parameters
    ----------
    payload : Payload
        Rows as they came.
    contract : Contract
        The pipeline's.
    block_column : str, optional
        Column of block ids, which are text also where a client sends numbers.

    Returns
    -------
    table : pyarrow.Table
        The contract's columns without the target.
    warnings : tuple of str
        Extra columns, unseen categories and the like; never a value.

    Raises
    ------
    RequestError
        422 for missing columns (lists them) and values of another type.
    """
    wanted = [column for column in contract.columns if column.name != contract.target]
    given = named(payload, [column.name for column in wanted if column.type != KEY])
    missing = [c.name for c in wanted if c.required and c.name not in given]
    if missing:
        raise RequestError(
            422,
            "missing_columns",
            f"{len(missing)} required columns are missing: {_listed(missing)}",
            details={"missing": missing},
        )
    columns = {
        column.name: _array(column.name, column.type, given[column.name], block_column)
        for column in wanted
        if column.name in given
    }
    known = {column.name for column in wanted} | {contract.target}
    said = extra_warnings(given, known)
    try:
        fitted = conform(_table(columns, payload.n_rows), contract, needs_target=False)
    except SnapshotError as err:
        raise RequestError(422, err.reason, err.detail) from err
    return fitted.table, said + fitted.warnings


def named(payload: Payload, names: list[str]) -> Mapping[str, Sequence[Any] | pa.ChunkedArray]:
    """Return the columns by name; those without a name are the features in their order.

    Raises
    ------
    RequestError
        422 if their number is another.
    """
    if payload.columns or not payload.unnamed:
        return payload.columns
    if len(payload.unnamed) != len(names):
        raise RequestError(
            422,
            "missing_columns",
            f"rows without names need a value for each of the {len(names)} features in their "
            f"order, got {len(payload.unnamed)}: {_listed(names)}",
            details={"features": names},
        )
    return dict(zip(names, payload.unnamed, strict=True))


def extra_warnings(given: Iterable[str], known: Collection[str | None]) -> tuple[str, ...]:
    """Name the columns that nobody asked for, as one warning or none."""
    extra = [name for name in given if name not in known]
    return (f"{len(extra)} extra columns ignored: {_listed(extra)}",) if extra else ()


def _table(columns: dict[str, pa.ChunkedArray], n_rows: int) -> pa.Table:
    if columns:
        return pa.table(columns)
    return pa.table({"": pa.nulls(n_rows)}).select([])


def _array(
    name: str, kind: str, values: Sequence[Any] | pa.ChunkedArray, block_column: str | None
) -> pa.ChunkedArray:
    if not isinstance(values, pa.ChunkedArray):
        try:
            values = pa.chunked_array([pa.array(values)])
        except (pa.ArrowException, OverflowError, UnicodeEncodeError) as err:
            found = ", ".join(sorted({_kind(value) for value in values if value is not None}))
            raise _misfit(name, kind, found) from err
    if pa.types.is_nested(values.type):
        raise _misfit(name, kind, "arrays or objects")
    if kind in {"date", "timestamp"} and is_text(values.type):
        return _moments(name, kind, values)
    if name == block_column and not is_text(values.type):
        return pc.cast(values, pa.string())
    return values


def _moments(name: str, kind: str, texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Read ISO 8601; times with a zone are taken to UTC."""
    for wanted in (pa.timestamp("us"), _UTC):
        try:
            return pc.cast(pc.cast(texts, wanted), pa.timestamp("us"))
        except pa.ArrowInvalid:
            continue
    raise _misfit(name, kind, "text that is not ISO 8601 throughout")


def _misfit(name: str, kind: str, found: str) -> RequestError:
    return RequestError(
        422,
        "column_type",
        f"column {name!r}: expected {kind}, found {found}",
        details={"column": name, "expected": kind},
    )


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int):
        return "numbers" if abs(value) < 2**63 else "numbers beyond 64 bits"
    if isinstance(value, float):
        return "numbers"
    if isinstance(value, str):
        return "text"
    return "arrays or objects"


def _listed(names: list[str]) -> str:
    shown = ", ".join(repr(name[:80]) for name in names[:_MOST_NAMED])
    more = len(names) - _MOST_NAMED
    return shown + (f" … and {more} more" if more > 0 else "")
