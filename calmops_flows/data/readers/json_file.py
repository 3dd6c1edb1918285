"""One JSON document: an array of records, or an object of columns."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from calmops_flows.data.readers.finish import finish
from calmops_flows.data.readers.text import utf8_text
from calmops_flows.errors import SnapshotError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from calmops_flows.data.batch import Batch, Request


def read_json(request: Request) -> Batch:
    """Read a JSON array of records, or an object of columns.

    Parameters
    ----------
    request : Request
        The file; it is held in memory while it is parsed.

    Returns
    -------
    Batch
        The table; a key that a record lacks is null there.

    Raises
    ------
    SnapshotError
        ``json_cut``, ``json_syntax`` (line and column), ``json_shape``,
        ``json_columns`` (unequal lengths), ``json_type``, ``duplicate_column`` and
        those of the text and of the finished table.
    """
    with utf8_text(request) as text:
        content = text.path.read_text(encoding="utf-8-sig")
    document = _parse(content)
    if isinstance(document, list):
        table = _of_records(document)
    elif isinstance(document, dict):
        table = _of_columns(document)
    else:
        raise SnapshotError("json_shape", "expected an array of records or an object of columns")
    return finish(table, request, text.warnings)


def _parse(content: str) -> Any:
    try:
        return json.loads(content)
    except json.JSONDecodeError as err:
        is_cut = err.pos >= len(content.rstrip()) or "Unterminated string" in err.msg
        raise SnapshotError(
            "json_cut" if is_cut else "json_syntax",
            f"{err.msg} at line {err.lineno}, column {err.colno}",
        ) from err
    except (RecursionError, ValueError) as err:
        raise SnapshotError("json_syntax", f"cannot be parsed: {type(err).__name__}") from err


def _of_records(records: list[Any]) -> pa.Table:
    if not records:
        raise SnapshotError("header_only", "an array without a record")
    position = next((i for i, r in enumerate(records) if not isinstance(r, dict)), None)
    if position is not None:
        raise SnapshotError("json_shape", f"record {position + 1}: expected an object")
    names = dict.fromkeys(name for record in records for name in record)
    return _table({name: [record.get(name) for record in records] for name in names})


def _of_columns(document: Mapping[str, Any]) -> pa.Table:
    columns: dict[str, list[Any]] = {}
    for name, values in document.items():
        if isinstance(values, dict):  # pandas' default layout: {column: {index: value}}
            columns[name] = list(values.values())
        elif isinstance(values, list):
            columns[name] = values
        else:
            raise SnapshotError("json_shape", f"column {name!r}: expected an array of values")
    lengths = sorted({len(values) for values in columns.values()})
    if len(lengths) > 1:
        raise SnapshotError(
            "json_columns", f"columns have between {lengths[0]} and {lengths[-1]} rows"
        )
    return _table(columns)


def _table(columns: Mapping[str, list[Any]]) -> pa.Table:
    arrays = {name: _array(name, values) for name, values in columns.items()}
    return pa.table(arrays) if arrays else pa.table({})


def _array(name: str, values: list[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowException, OverflowError) as err:
        kinds = sorted({_kind(value) for value in values if value is not None})
        raise SnapshotError("json_type", f"column {name!r}: mixes {', '.join(kinds)}") from err


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true/false"
    if isinstance(value, int | float):
        return "numbers"
    if isinstance(value, str):
        return "text"
    return "arrays" if isinstance(value, list) else "objects"
