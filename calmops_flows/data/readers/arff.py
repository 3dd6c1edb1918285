"""ARFF, the format of Weka: a typed header, then comma-separated data."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv

from calmops_flows.data.readers.cells import parse_dates
from calmops_flows.data.readers.delimited import Layout, parse
from calmops_flows.data.readers.finish import check_names, finish
from calmops_flows.data.readers.text import Text, utf8_text
from calmops_flows.errors import SnapshotError

if TYPE_CHECKING:
    from calmops_flows.data.batch import Batch, Request

_DATA = re.compile(rb"^[ \t]*@data[ \t]*(%[^\r\n]*)?(\r\n|\n|\r)", re.IGNORECASE | re.MULTILINE)
_ATTRIBUTE = re.compile(
    r"""^\s*@attribute\s+(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([^\s{]+))\s*(.+?)\s*$""",
    re.IGNORECASE,
)
_LEVEL = re.compile(r"""\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([^,]*?))\s*(?:,|$)""")
_COMMENT_LINE = re.compile(rb"(?m)^[ \t]*%[^\r\n]*(\r\n|\n|\r|\Z)")
_SPACED_QUOTE = re.compile(rb",[ \t]+(?=')")
_NUMBERS = {"numeric", "real", "integer"}
_JAVA_DATES = (
    ("yyyy", "%Y"),
    ("MM", "%m"),
    ("dd", "%d"),
    ("HH", "%H"),
    ("mm", "%M"),
    ("ss", "%S"),
    ("'T'", "T"),
)
_DEFAULT_DATE = "yyyy-MM-dd'T'HH:mm:ss"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One declared column; ``levels`` of a nominal one, ``date_format`` of a date."""

    name: str
    kind: str
    levels: tuple[str, ...] = ()
    date_format: str | None = None


def read_arff(request: Request) -> Batch:
    """Read a dense ARFF file.

    Parameters
    ----------
    request : Request
        The file.

    Returns
    -------
    Batch
        Numeric attributes as numbers, nominal ones as dictionary columns with the
        declared levels, dates as timestamps, ``?`` as null.

    Raises
    ------
    SnapshotError
        ``arff_header`` (with the line), ``arff_sparse``, ``arff_relational``,
        ``arff_nominal`` (a value that is not declared, with the row), ``arff_cut``
        and those of the text and of the finished table.
    """
    with utf8_text(request) as text, tempfile.TemporaryDirectory(prefix="calmops-") as folder:
        content = text.path.read_bytes()
        start = _DATA.search(content)
        if start is None:
            raise SnapshotError("arff_header", "no @data line")
        attributes = _attributes(content[: start.start()].decode("utf-8-sig"))
        data = _rows(content[start.end() :])
        body = Path(folder) / "data"
        body.write_bytes(data)
        table = _data(Text(body, text.ends_whole), attributes)
    warnings = list(text.warnings)
    if not text.ends_whole:
        warnings.append("no newline at end of file: the last cell may be cut")
    columns = [_typed(a, table.column(a.name), warnings) for a in attributes]
    named = pa.table(columns, names=[a.name for a in attributes])
    return finish(named, request, warnings)


def _rows(data: bytes) -> bytes:
    data = _COMMENT_LINE.sub(b"", data) if b"%" in data else data
    if not data.strip():
        raise SnapshotError("header_only", "no row after @data")
    if data.lstrip().startswith(b"{"):
        raise SnapshotError("arff_sparse", "sparse rows {index value, …} are not read")
    return _SPACED_QUOTE.sub(b",", data)


def _data(text: Text, attributes: tuple[Attribute, ...]) -> pa.Table:
    names = [a.name for a in attributes]
    layout = Layout(
        text,
        delimiter=",",
        n_columns=len(names),
        cut_code="arff_cut",
        names=tuple(names),
        quote="'",
        escape="\\",
    )
    kinds = {a.name: pa.float64() if a.kind in _NUMBERS else pa.string() for a in attributes}
    convert = pv.ConvertOptions(
        column_types=kinds,
        null_values=["", "?", " ?", "? "],
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
    )
    return parse(layout, convert)


def _attributes(header: str) -> tuple[Attribute, ...]:
    attributes: list[Attribute] = []
    for number, line in enumerate(header.splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("%") or stripped.lower().startswith("@relation"):
            continue
        found = _ATTRIBUTE.match(line)
        if found is None:
            raise SnapshotError("arff_header", f"line {number}: expected @attribute NAME TYPE")
        quoted, double_quoted, plain, kind = found.groups()
        name = _unescaped(quoted or double_quoted or plain or "")
        attributes.append(_attribute(name, kind, number))
    if not attributes:
        raise SnapshotError("arff_header", "no @attribute line before @data")
    check_names([a.name for a in attributes])
    return tuple(attributes)


def _attribute(name: str, kind: str, number: int) -> Attribute:
    word = kind.split(None, 1)[0].lower()
    if kind.startswith("{"):
        if not kind.endswith("}"):
            raise SnapshotError("arff_header", f"line {number}: the list of levels has no end")
        return Attribute(name, "nominal", levels=_levels(kind[1:-1]))
    if word in _NUMBERS or word == "string":
        return Attribute(name, word)
    if word == "date":
        given = kind[len(word) :].strip().strip("\"'") or _DEFAULT_DATE
        return Attribute(name, "date", date_format=_strptime(given))
    if word == "relational":
        raise SnapshotError("arff_relational", f"line {number}: relational attributes are not read")
    raise SnapshotError("arff_header", f"line {number}: unknown type {word!r} of {name!r}")


def _levels(inside: str) -> tuple[str, ...]:
    levels = []
    for found in _LEVEL.finditer(inside):
        if found.start() == len(inside):
            break
        levels.append(_unescaped(next((g for g in found.groups() if g is not None), "")))
    return tuple(dict.fromkeys(levels))


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _strptime(java: str) -> str | None:
    """Translate a Java date pattern, or return None when it holds more than is known."""
    for token, directive in _JAVA_DATES:
        java = java.replace(token, directive)
    return None if re.search(r"(?<!%)[A-Za-z]", java.replace("T", "")) else java


def _typed(attribute: Attribute, values: pa.ChunkedArray, warnings: list[str]) -> pa.ChunkedArray:
    if attribute.kind == "integer":
        return _whole(values)
    if attribute.kind == "date":
        dates = parse_dates(values, attribute.date_format) if attribute.date_format else None
        if dates is None:
            warnings.append(f"column {attribute.name!r}: dates do not fit the declared format")
        return values if dates is None else dates
    if attribute.kind != "nominal":
        return values
    trimmed = pc.utf8_trim_whitespace(values).combine_chunks()
    codes = pc.index_in(trimmed, value_set=pa.array(attribute.levels, pa.string()))
    unknown = pc.and_(pc.is_valid(trimmed), pc.is_null(codes))
    row = pc.index(unknown, True).as_py()
    if row >= 0:
        raise SnapshotError(
            "arff_nominal",
            f"column {attribute.name!r}: a value that is not declared, row {row + 1}",
        )
    levels = pa.array(attribute.levels, pa.string())
    return pa.chunked_array([pa.DictionaryArray.from_arrays(codes, levels)])


def _whole(values: pa.ChunkedArray) -> pa.ChunkedArray:
    try:
        return pc.cast(values, pa.int64())
    except pa.ArrowInvalid:
        return values  # decimals under an integer attribute: numbers all the same
