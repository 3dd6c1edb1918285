"""Comma-, tab- and otherwise separated text."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv as pv

from calmops_flows.data.batch import MEBIBYTE, Batch, Request
from calmops_flows.data.readers.finish import check_names, finish, named
from calmops_flows.data.readers.text import Text, cut_reason, utf8_text
from calmops_flows.errors import SnapshotError

if TYPE_CHECKING:
    from collections.abc import Callable

_BLOCK_BYTES = 4 * MEBIBYTE
_LARGEST_BLOCK = 2**30
_TRIED_LINES = 20
_CELL = re.compile(r"In CSV column #(\d+): .*CSV conversion error to (\w+)")
_NO_NEWLINE = "no newline at end of file: the last cell may be cut"


def read_delimited(request: Request) -> Batch:
    """Read csv, tsv or txt.

    Parameters
    ----------
    request : Request
        The file, its options and the contract's types.

    Returns
    -------
    Batch
        The table; a file without a newline at its end brings a warning.

    Raises
    ------
    SnapshotError
        ``csv_row``, ``csv_cut``, ``csv_header``, ``header_only``, ``empty_file`` and
        those of the text and of the finished table.
    """
    with utf8_text(request) as text:
        delimiter = request.options.get("delimiter") or _delimiter(text, request.format)
        header = _header(text, delimiter)
        warnings = list(text.warnings)
        names = named(header, warnings)
        check_names(names)
        layout = Layout(text, delimiter, len(names), cut_code=cut_reason(request))
        table = parse(layout, _convert(request, text_columns=request.text_columns))
        clocks = {field.name for field in table.schema if pa.types.is_time(field.type)}
        if clocks:  # their text as it stands, or the next file would differ
            text_columns = request.text_columns | clocks
            table = parse(layout, _convert(request, text_columns=text_columns))
    if not text.ends_whole:
        warnings.append(_NO_NEWLINE)
    return finish(table, request, warnings)


@dataclass(frozen=True, slots=True)
class Layout:
    """How the records of a text file look; no ``names``: the first one names them."""

    text: Text
    delimiter: str
    n_columns: int
    cut_code: str
    names: tuple[str, ...] = ()
    quote: str = '"'
    escape: str | bool = False


def parse(layout: Layout, convert: pv.ConvertOptions) -> pa.Table:
    """Parse the records, and prove that the last one is whole.

    One record of empty cells is appended while reading. If an open quote at the end
    of the file swallows it, the file was cut; else it is taken off again.

    Parameters
    ----------
    layout : Layout
        The file and its separators.
    convert : pyarrow.csv.ConvertOptions
        How cells become values; the empty cell must be a null.

    Returns
    -------
    pyarrow.Table
        All records.

    Raises
    ------
    SnapshotError
        ``csv_row`` or ``csv_cut`` (for ARFF ``arff_cut``), with the record's number.
    """
    try:
        table = _read(layout, convert, _BLOCK_BYTES)
    except pa.ArrowInvalid as err:
        if "straddling" not in str(err):
            raise _fault(layout, str(err)) from err
        table = _read_long_records(layout, convert)
    if table.num_rows == 0 or any(c[-1].is_valid for c in table.columns):
        raise SnapshotError(layout.cut_code, "the file ends inside a quoted cell")
    return table.slice(0, table.num_rows - 1)


def _read_long_records(layout: Layout, convert: pv.ConvertOptions) -> pa.Table:
    size = layout.text.path.stat().st_size + 2 * MEBIBYTE
    try:
        return _read(layout, convert, min(size, _LARGEST_BLOCK))
    except pa.ArrowInvalid as err:
        raise _fault(layout, str(err)) from err


def _read(
    layout: Layout,
    convert: pv.ConvertOptions,
    block_bytes: int,
    on_bad_row: Callable[[Any], str] | None = None,
) -> pa.Table:
    parsing = pv.ParseOptions(
        delimiter=layout.delimiter,
        quote_char=layout.quote,
        escape_char=layout.escape,
        newlines_in_values=True,
        invalid_row_handler=on_bad_row,
    )
    reading = pv.ReadOptions(
        block_size=block_bytes,
        column_names=list(layout.names) or None,
        use_threads=on_bad_row is None,
    )
    with layout.text.path.open("rb") as file:
        stream = pa.PythonFile(_WithLastRecord(file, layout), mode="r")
        return pv.read_csv(
            stream, read_options=reading, parse_options=parsing, convert_options=convert
        )


class _WithLastRecord(io.RawIOBase):
    """A file, and after its end one record of empty cells."""

    def __init__(self, file: io.BufferedReader, layout: Layout) -> None:
        super().__init__()
        empty = layout.quote * 2 if layout.n_columns == 1 else ""
        record = layout.delimiter.join([empty] * layout.n_columns)
        newline = "" if layout.text.ends_whole else "\n"
        self._file = file
        self._rest = io.BytesIO(f"{newline}{record}\n".encode())

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        chunk = self._file.read(size)
        return chunk if len(chunk) == size else chunk + self._rest.read(size - len(chunk))


def _fault(layout: Layout, message: str) -> SnapshotError:
    """Find the first record with a wrong number of cells, in one thread."""
    cell = _CELL.search(message)
    if cell is not None:
        number = int(cell.group(1))
        name = repr(layout.names[number]) if layout.names else f"number {number + 1}"
        return SnapshotError("csv_cell", f"column {name}: a cell is no {cell.group(2)}")
    bad: list[tuple[int, int, int]] = []

    def note(row: Any) -> str:
        bad.append((row.number, row.expected_columns, row.actual_columns))
        return "skip"

    try:
        size = min(layout.text.path.stat().st_size + 2 * MEBIBYTE, _LARGEST_BLOCK)
        good = _read(layout, pv.ConvertOptions(), size, note).num_rows
    except pa.ArrowInvalid:
        return SnapshotError("csv_row", "a record is too long, or the file is not delimited text")
    if not bad:
        return SnapshotError("csv_row", "the file is not delimited text")
    number, expected, found = bad[0]
    place = f"record {number} (the header is 1): expected {expected} columns, found {found}"
    appended = len(bad) + good + (0 if layout.names else 1)
    ends_open = number == appended
    ends_short = number == appended - 1 and not layout.text.ends_whole
    if ends_open or ends_short:
        return SnapshotError(layout.cut_code, f"the file ends inside {place}")
    return SnapshotError("csv_row", place)


def _convert(request: Request, *, text_columns: frozenset[str] | set[str]) -> pv.ConvertOptions:
    return pv.ConvertOptions(
        column_types=dict.fromkeys(text_columns, pa.string()),
        strings_can_be_null=True,
        decimal_point=request.options.get("decimal", "."),
    )


def _header(text: Text, delimiter: str) -> list[str]:
    with text.path.open(encoding="utf-8-sig", newline="") as file:
        try:
            for record in csv.reader(file, delimiter=delimiter):
                if record:
                    return record
        except csv.Error as err:
            raise SnapshotError("csv_header", f"the first record cannot be read: {err}") from err
    raise SnapshotError("empty_file", "expected a header, found only blank lines")


def _delimiter(text: Text, format: str) -> str:  # noqa: A002 - the spec's word for it
    """Infer the delimiter from the first lines."""
    if format == "tsv":
        return "\t"
    with text.path.open(encoding="utf-8-sig", newline="") as file:
        lines = file.read(MEBIBYTE).splitlines()
    lines = [line for line in lines if line.strip()][: _TRIED_LINES + 1]
    lines = lines[:-1] if len(lines) > 1 else lines  # the last one may be cut
    if format == "csv":
        counts = {mark: _cells(lines[:1], mark) for mark in (",", ";", "\t", "|")}
        return next((mark for mark, n in counts.items() if n and n > 1), ",")
    counts = {mark: _cells(lines, mark) for mark in ("\t", ",", ";", "|", " ")}
    return max(counts, key=lambda mark: counts[mark] or 0)


def _cells(lines: list[str], delimiter: str) -> int | None:
    """Count the cells if every line has as many, else None."""
    try:
        numbers = {len(record) for record in csv.reader(lines, delimiter=delimiter)}
    except csv.Error:
        return None
    return numbers.pop() if len(numbers) == 1 else None
