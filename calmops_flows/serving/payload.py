"""From the bytes of a request to columns: MLflow's scoring protocol, CSV, bare records."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

import pyarrow as pa
import pyarrow.csv as pv

from calmops_flows.serving.problems import RequestError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from calmops_flows.data.contract import Contract

FORMS = ("dataframe_split", "dataframe_records", "inputs", "instances")
_TEXT = frozenset({"string", "category", "key"})


@dataclass(frozen=True, slots=True)
class Payload:
    """Rows as a client sent them.

    Attributes
    ----------
    columns : mapping of str to sequence
        Values by column; empty when the client gave no names.
    unnamed : tuple of list
        Columns without names, in the order of the features.
    n_rows : int
        Rows.
    params : mapping
        MLflow's ``params``.
    """

    columns: Mapping[str, Sequence[Any] | pa.ChunkedArray]
    unnamed: tuple[list[Any], ...]
    n_rows: int
    params: Mapping[str, Any] = field(default_factory=dict)


def read_payload(
    content: bytes, media: str, contract: Contract, *, is_bare: bool = False
) -> Payload:
    """Read the body of a request.

    Parameters
    ----------
    content : bytes
        The whole body.
    media : str
        Content type without its parameters.
    contract : Contract
        Says which columns of a CSV are text, whatever they look like.
    is_bare : bool, default False
        Whether the JSON is a record or an array of records, without one of the ``FORMS``.

    Raises
    ------
    RequestError
        400 for what cannot be read, 415 for other types.
    """
    if media == "text/csv" and not is_bare:
        return _of_csv(content, contract)
    if media != "application/json":
        accepted = "application/json" if is_bare else "application/json or text/csv"
        raise RequestError(
            415, "unsupported_media_type", f"Content-Type must be {accepted}, got {media[:80]!r}"
        )
    document = _parse(content)
    if is_bare:
        return _of_bare(document)
    if not isinstance(document, dict):
        raise _shape(f"expected an object with one of {', '.join(FORMS)}, got {_kind(document)}")
    unknown = sorted(set(document) - {*FORMS, "params"})
    given = [form for form in FORMS if form in document]
    if unknown or len(given) != 1:
        raise _shape(
            f"expected exactly one of {', '.join(FORMS)}, and perhaps params; got "
            f"{', '.join(repr(name[:80]) for name in sorted(document)[:10]) or 'nothing'}"
        )
    params = document.get("params", {})
    if not isinstance(params, dict):
        raise _shape(f"params must be an object, got {_kind(params)}")
    columns, unnamed, n_rows = _READERS[given[0]](document[given[0]], given[0])
    return Payload(columns, unnamed, n_rows, params)


_Columns = tuple[dict[str, list[Any]], tuple[list[Any], ...], int]


def _parse(content: bytes) -> Any:
    try:
        return json.loads(content, parse_constant=_no_constant)
    except RequestError:
        raise
    except RecursionError as err:
        raise RequestError(400, "too_deep", "the JSON is nested too deeply") from err
    except ValueError as err:  # also UnicodeDecodeError, and a number of thousands of digits
        where = f" at byte {err.pos}" if isinstance(err, json.JSONDecodeError) else ""
        raise RequestError(400, "malformed_json", f"the body is not JSON{where}") from err


def _no_constant(name: str) -> NoReturn:
    raise RequestError(
        400, "malformed_json", f"the body is not JSON: {name} is none of its values; send null"
    )


def _of_bare(document: Any) -> Payload:
    records = [document] if isinstance(document, dict) and document else document
    if not isinstance(records, list):
        raise _shape(f"expected an object or an array of objects, got {_kind(document)}")
    columns, _, n_rows = _of_records(records, "the body")
    return Payload(columns, (), n_rows)


def _of_records(records: Any, form: str) -> _Columns:
    if not isinstance(records, list):
        raise _shape(f"{form} must be an array of objects, got {_kind(records)}")
    for position, record in enumerate(records):
        if not isinstance(record, dict):
            raise _shape(f"{form}, row {position + 1}: expected an object, got {_kind(record)}")
    names = dict.fromkeys(name for record in records for name in record)
    return {name: [r.get(name) for r in records] for name in names}, (), len(records)


def _of_rows(rows: Any, form: str) -> tuple[tuple[list[Any], ...], int]:
    for position, row in enumerate(rows):
        if not isinstance(row, list):
            raise _shape(f"{form}, row {position + 1}: expected an array, got {_kind(row)}")
        if len(row) != len(rows[0]):
            raise _shape(
                f"{form}, row {position + 1}: expected {len(rows[0])} values like the first row, "
                f"got {len(row)}"
            )
    return tuple(list(column) for column in zip(*rows, strict=True)), len(rows)


def _of_split(split: Any, form: str) -> _Columns:
    if not isinstance(split, dict) or set(split) - {"columns", "data", "index"}:
        raise _shape(f"{form} must be an object with columns and data")
    data, names = split.get("data"), split.get("columns")
    if not isinstance(data, list):
        raise _shape(f"{form}.data must be an array of rows, got {_kind(data)}")
    columns, n_rows = _of_rows(data, f"{form}.data")
    if names is None:
        return {}, columns, n_rows
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _shape(f"{form}.columns must be an array of names")
    if len(set(names)) < len(names):
        raise _shape(f"{form}.columns holds a name more than once")
    if n_rows and len(names) != len(columns):
        raise _shape(f"{form}: {len(names)} columns but {len(columns)} values in a row")
    return dict(zip(names, columns, strict=bool(n_rows))), (), n_rows


def _of_tensors(value: Any, form: str) -> _Columns:
    """Read TensorFlow Serving's rows, or its object of columns."""
    if isinstance(value, dict) and form == "inputs":
        return _of_columns(value, form)
    if not isinstance(value, list):
        raise _shape(f"{form} must be an array of rows, got {_kind(value)}")
    if value and isinstance(value[0], dict):
        return _of_records(value, form)
    if value and not isinstance(value[0], list):
        return {}, (value,), len(value)
    columns, n_rows = _of_rows(value, form)
    return {}, columns, n_rows


def _of_columns(value: dict[str, Any], form: str) -> _Columns:
    are_lists = {isinstance(values, list) for values in value.values()}
    if are_lists == {False}:
        return {name: [item] for name, item in value.items()}, (), 1
    lengths = {len(v) if isinstance(v, list) else -1 for v in value.values()}
    if len(lengths) > 1 or -1 in lengths:
        raise _shape(f"{form}: every column must be an array of the same length")
    return value, (), next(iter(lengths), 0)


_READERS = {
    "dataframe_split": _of_split,
    "dataframe_records": _of_records,
    "inputs": _of_tensors,
    "instances": _of_tensors,
}


def _of_csv(content: bytes, contract: Contract) -> Payload:
    text = {c.name: pa.string() for c in contract.columns if c.type in _TEXT}
    convert = pv.ConvertOptions(column_types=text, strings_can_be_null=True)
    parsing = pv.ParseOptions(newlines_in_values=True)
    reading = pv.ReadOptions(use_threads=False)
    try:
        content.decode()  # Arrow looks at the cells, not at the names
        table = pv.read_csv(
            pa.BufferReader(content),
            read_options=reading,
            parse_options=parsing,
            convert_options=convert,
        )
    except (pa.ArrowException, UnicodeDecodeError) as err:
        said = str(err).splitlines()[0][:200] if content else "it is empty"
        raise RequestError(400, "malformed_csv", f"the body is not CSV: {said}") from err
    names = table.column_names
    if len(set(names)) < len(names):
        raise RequestError(400, "malformed_csv", "the header holds a name more than once")
    return Payload(dict(zip(names, table.columns, strict=True)), (), table.num_rows)


def _shape(message: str) -> RequestError:
    return RequestError(400, "malformed_body", message)


def _kind(value: Any) -> str:
    kinds = {bool: "true or false", int: "a number", float: "a number", str: "text"}
    kinds |= {list: "an array", dict: "an object", type(None): "null"}
    return kinds[type(value)]
