"""One JSON object per line."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.json as pj

from calmops_flows.data.batch import MEBIBYTE, Batch, Request
from calmops_flows.data.readers.finish import finish
from calmops_flows.data.readers.text import Text, utf8_text
from calmops_flows.errors import SnapshotError

_BLOCK_BYTES = 16 * MEBIBYTE
_LARGEST_BLOCK = 2**30
_ROW = re.compile(r" in row (\d+)$")
_PREFIX = "JSON parse error: "


def read_json_lines(request: Request) -> Batch:
    """Read JSON lines (ndjson).

    Parameters
    ----------
    request : Request
        The file; columns that the contract calls text are not taken for dates.

    Returns
    -------
    Batch
        The table; a key that a line lacks is null there.

    Raises
    ------
    SnapshotError
        ``json_cut``, ``json_row``, ``json_type``, ``duplicate_column`` (each with the
        row) and those of the text and of the finished table.
    """
    with utf8_text(request) as text:
        try:
            table = _read(text, request, _BLOCK_BYTES)
        except pa.ArrowInvalid:  # once more in one block: only so the row is right
            table = _read_in_one_block(text, request)
    return finish(table, request, text.warnings)


def _read_in_one_block(text: Text, request: Request) -> pa.Table:
    size = min(text.path.stat().st_size + MEBIBYTE, _LARGEST_BLOCK)
    try:
        return _read(text, request, size)
    except pa.ArrowInvalid as err:
        raise _fault(str(err), text) from err


def _read(text: Text, request: Request, block_bytes: int) -> pa.Table:
    schema = pa.schema([(name, pa.string()) for name in sorted(request.text_columns)])
    with text.path.open("rb") as file:
        if file.read(3) != b"\xef\xbb\xbf":
            file.seek(0)
        table = pj.read_json(
            file,
            read_options=pj.ReadOptions(block_size=block_bytes),
            parse_options=pj.ParseOptions(
                explicit_schema=schema or None, unexpected_field_behavior="infer"
            ),
        )
    absent = [
        name
        for name in schema.names
        if name in table.column_names and table.column(name).null_count == table.num_rows
    ]
    return table.drop_columns(absent) if absent else table


def _fault(message: str, text: Text) -> SnapshotError:
    """Translate the parser's message; it names columns and rows, never values."""
    place = _ROW.search(message)
    number = f"line {int(place.group(1)) + 1}" if place else "a line"
    said = _ROW.sub("", message.removeprefix(_PREFIX))
    if "twice" in said:
        return SnapshotError("duplicate_column", f"{number}: {said}")
    if "changed from" in said:
        return SnapshotError("json_type", f"{number}: {said}")
    with text.path.open("rb") as file:
        file.seek(max(0, text.path.stat().st_size - 64))
        is_whole = file.read().rstrip().endswith(b"}")
    reason = "json_row" if is_whole else "json_cut"
    return SnapshotError(reason, f"{number}: {said}")
