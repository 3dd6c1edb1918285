"""Parquet, Arrow, Excel and packed files, whole and damaged."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calmops_flows.data.batch import Limits
from calmops_flows.errors import SnapshotError

if TYPE_CHECKING:
    from tests.data.conftest import Read

TIGHT = Limits(max_unpacked_ratio=20.0, free_bytes=10_000)


def parquet(table: pa.Table, **how: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, **how)
    return out.getvalue()


def arrow(table: pa.Table, *, stream: bool = False) -> bytes:
    out = io.BytesIO()
    opened = pa.ipc.new_stream if stream else pa.ipc.new_file
    with opened(out, table.schema) as writer:
        writer.write_table(table, max_chunksize=100)
    return out.getvalue()


def numbers(n_rows: int = 5_000) -> pa.Table:
    rng = np.random.default_rng(0)
    return pa.table({"x": rng.normal(size=n_rows), "s": rng.integers(0, 9, n_rows).astype(str)})


def test_parquet_gives_back_bool_numbers_text_dictionary_and_dates(read: Read) -> None:
    table = pa.table(
        {
            "b": [True, None],
            "i": pa.array([1, 2], pa.int8()),
            "f": pa.array([1.5, None], pa.float32()),
            "s": ["a", None],
            "c": pa.array(["u", "v"]).dictionary_encode(),
            "t": pa.array([0, 1], pa.timestamp("ns", tz="UTC")),
            "z": pa.nulls(2),
        }
    )

    batch = read(parquet(table), "x.parquet")

    assert batch.table.equals(table)
    assert batch.warnings == ()


def test_types_with_a_plain_twin_are_turned_into_it(read: Read) -> None:
    table = pa.table(
        {
            "d": [Decimal("1.50"), None],
            "raw": [b"a", b"b"],
            "clock": pa.array([0, 61], pa.time32("s")),
            "codes": pa.array([7, 8]).dictionary_encode(),
        }
    )

    result = read(arrow(table), "x.arrow").table

    assert result.to_pydict() == {
        "d": [1.5, None],
        "raw": ["a", "b"],
        "clock": ["00:00:00", "00:01:01"],
        "codes": ["7", "8"],
    }


def test_index_of_pandas_is_left_out_with_a_warning(read: Read) -> None:
    out = io.BytesIO()
    pd.DataFrame({"a": [1, 2, 3]}).iloc[[0, 2]].to_parquet(out)

    batch = read(out.getvalue(), "x.parquet")

    assert batch.table.to_pydict() == {"a": [1, 3]}
    assert "index" in batch.warnings[0]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (pa.array([[1], [2]]), "nested_type"),
        (pa.array([{"a": 1}]), "nested_type"),
        (pa.array([1, 2], pa.duration("s")), "unsupported_type"),
        (pa.array([b"\xff\xfe"]), "unsupported_type"),
        (
            pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0" * 16], pa.binary(16))),
            "extension_type",
        ),
    ],
)
def test_column_that_is_not_flat_is_refused_by_name(
    read: Read, values: pa.Array, reason: str
) -> None:
    content = parquet(pa.table({"odd": values}))

    with pytest.raises(SnapshotError, match=f"{reason}: column 'odd'"):
        read(content, "x.parquet")


def test_duplicate_columns_of_parquet_are_refused(read: Read) -> None:
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])

    with pytest.raises(SnapshotError, match=r"duplicate_column: more than once: \['a'\]"):
        read(parquet(table), "x.parquet")


def test_parquet_cut_at_every_4_kib_is_refused_at_its_footer(read: Read) -> None:
    content = parquet(numbers(20_000))

    cuts = [*range(4096, len(content), 4096), 1, 4, 8, 12, len(content) - 1]

    assert len(cuts) > 30
    for cut in cuts:
        with pytest.raises(SnapshotError) as caught:
            read(content[:cut], "x.parquet")
        assert caught.value.reason == "parquet_footer"


@pytest.mark.parametrize("make", [parquet, arrow, lambda t: arrow(t, stream=True)])
def test_one_wrong_byte_never_crashes(read: Read, make: Any) -> None:
    content = make(numbers(1_000))
    name = "x.parquet" if make is parquet else "x.arrow"
    refused = 0

    for position in range(0, len(content), 37):
        damaged = bytearray(content)
        damaged[position] ^= 0xFF
        try:
            read(bytes(damaged), name)
        except SnapshotError:
            refused += 1

    assert refused > 0


def test_damaged_row_group_is_named(read: Read) -> None:
    content = bytearray(
        parquet(
            numbers(3_000), row_group_size=1_000, use_dictionary=False, write_page_checksum=True
        )
    )
    group = pq.ParquetFile(io.BytesIO(content)).metadata.row_group(1).column(0)
    content[group.data_page_offset + group.total_compressed_size // 2] ^= 0x01

    with pytest.raises(SnapshotError, match="parquet_data: row group 1 of 3, column 'x'"):
        read(bytes(content), "x.parquet")


@pytest.mark.parametrize("stream", [False, True])
def test_arrow_file_and_stream_are_read_whole_or_refused(read: Read, stream: bool) -> None:
    content = arrow(numbers(1_000), stream=stream)

    assert read(content, "x.arrow").table.equals(numbers(1_000))
    for cut in [*range(1, len(content), 997), len(content) - 1, len(content) - 8]:
        with pytest.raises(SnapshotError, match="arrow_footer"):
            read(content[:cut], "x.arrow")


def test_feather_with_compression_is_read(read: Read) -> None:
    out = io.BytesIO()
    pyarrow.feather.write_feather(numbers(), out, compression="zstd")

    assert read(out.getvalue(), "x.feather").table.equals(numbers())


def test_table_without_rows_is_refused(read: Read) -> None:
    with pytest.raises(SnapshotError, match="header_only"):
        read(parquet(numbers().slice(0, 0)), "x.parquet")


def test_parquet_of_run_lengths_that_would_fill_memory_is_refused(read: Read) -> None:
    content = parquet(pa.table({"zero": np.zeros(2_000_000)}))

    assert len(content) < 100_000
    with pytest.raises(SnapshotError, match="too_large: 2000000 rows"):
        read(content, "x.parquet", limits=Limits(max_file_bytes=10_000_000))


def test_gzip_and_zip_of_text_are_read(read: Read) -> None:
    content = b"a,b\n1,2\n"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("inner.csv", content)

    for packed, name in [
        (gzip.compress(content, mtime=0), "x.csv.gz"),
        (out.getvalue(), "x.csv.zip"),
        (out.getvalue(), "x.zip"),
        (gzip.compress(b'{"a":1,"b":2}\n', mtime=0), "x.jsonl.gz"),
    ]:
        assert read(packed, name).table.to_pydict() == {"a": [1], "b": [2]}


def zipped(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "name", "reason"),
    [
        (gzip.compress(b"a,b\n1,2\n", mtime=0)[:-5], "x.csv.gz", "gzip_cut"),
        (b"not gzip at all", "x.csv.gz", "gzip_data"),
        (gzip.compress(b"0" * 2_000_000, mtime=0), "x.csv.gz", "unpack_ratio"),
        (zipped(("a.csv", b"0" * 2_000_000)), "x.zip", "unpack_ratio"),
        (zipped(("a.csv", b"a\n1\n"), ("b.csv", b"a\n1\n")), "x.zip", "zip_members"),
        (zipped(("../a.csv", b"a\n1\n")), "x.zip", "zip_path"),
        (zipped(("a.csv", b"a\n1\n"))[:-9], "x.zip", "zip_data"),
        (gzip.compress(b"PAR1", mtime=0), "x.parquet.gz", "unknown_format"),
        (gzip.compress(b"", mtime=0), "x.csv.gz", "empty_file"),
        (b"a,b\n", "x.docx", "unknown_format"),
        (zipped(("xl/a.xml", b"0" * 2_000_000)), "x.xlsx", "unpack_ratio"),
        (zipped(("a.xml", b"a")), "x.xlsx", "xlsx_data"),
        (zipped(("a.xml", b"a"))[:-3], "x.xlsx", "xlsx_cut"),
        (b"not a workbook", "x.xls", "xls_data"),
    ],
)
def test_broken_or_hostile_package_is_refused(
    read: Read, content: bytes, name: str, reason: str
) -> None:
    with pytest.raises(SnapshotError) as caught:
        read(content, name, limits=TIGHT)

    assert caught.value.reason == reason


def test_zip_whose_directory_lies_about_the_size_is_refused(read: Read) -> None:
    content = bytearray(zipped(("a.csv", b"0" * 2_000_000)))
    true_size = (2_000_000).to_bytes(4, "little")
    assert content.count(true_size) == 2
    lying = bytes(content).replace(true_size, (500).to_bytes(4, "little"))

    with pytest.raises(SnapshotError) as caught:
        read(lying, "x.zip", limits=TIGHT)

    assert caught.value.reason in {"zip_data", "unpack_ratio"}


def test_file_over_the_size_limit_is_refused_unread(read: Read) -> None:
    with pytest.raises(SnapshotError, match="too_large: 12 bytes are over the limit of 8"):
        read(b"a,b\n1,2\n3,4\n", limits=Limits(max_file_bytes=8))


SHEET = """<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>
{rows}</sheetData></worksheet>"""
BOOK = """<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"
 xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>
<sheet name="first" sheetId="1" r:id="rId1"/><sheet name="second" sheetId="2" r:id="rId2"/>
</sheets></workbook>"""
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
RELATIONS = """<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="rId1" Type="{t}/worksheet" Target="worksheets/sheet1.xml"/>
<Relationship Id="rId2" Type="{t}/worksheet" Target="worksheets/sheet2.xml"/>
<Relationship Id="rId3" Type="{t}/styles" Target="styles.xml"/></Relationships>"""
ROOT = """<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="rId1" Type="{t}/officeDocument" Target="xl/workbook.xml"/></Relationships>"""
CONTENT_TYPES = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
STYLES = """<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">
<cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14" applyNumberFormat="1"/></cellXfs>
</styleSheet>"""


def cell(value: Any) -> str:
    if value is None:
        return "<c/>"
    if isinstance(value, str) and value.startswith("date "):
        return f'<c s="1"><v>{value[5:]}</v></c>'
    if isinstance(value, str):
        return f'<c t="inlineStr"><is><t>{value}</t></is></c>'
    return f"<c><v>{value}</v></c>"


def workbook(*sheets: list[list[Any]]) -> bytes:
    """Write the few parts of an xlsx file that readers need."""
    parts = {
        "[Content_Types].xml": CONTENT_TYPES,
        "_rels/.rels": ROOT.format(t=OFFICE),
        "xl/workbook.xml": BOOK,
        "xl/_rels/workbook.xml.rels": RELATIONS.format(t=OFFICE),
        "xl/styles.xml": STYLES,
    }
    both: list[list[list[Any]]] = [*sheets, [["n"], [1]]]
    for number, rows in enumerate(both[:2], start=1):
        lines = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows)
        parts[f"xl/worksheets/sheet{number}.xml"] = SHEET.format(rows=lines)
    return zipped(*((name, content.encode()) for name, content in parts.items()))


def test_excel_sheet_gives_whole_numbers_decimals_text_and_dates(read: Read) -> None:
    content = workbook(
        [["i", "f", "s", "m", "d"], [1, 1.5, "a", "x", "date 45293"], [2, None, "b", 7, None]]
    )

    batch = read(content, "x.xlsx")

    table = batch.table
    assert table.column("i").to_pylist() == [1, 2]
    assert str(table.column("i").type) == "int64"
    assert table.column("f").to_pylist() == [1.5, None]
    assert table.column("m").to_pylist() == ["x", "7"]
    assert str(table.column("d")[0].as_py())[:10] == "2024-01-02"
    assert batch.warnings == ("column 'm': mixes text and other cells; read as text",)


def test_sheet_is_chosen_by_name_or_position(read: Read) -> None:
    content = workbook([["a"], [1]], [["b"], [2]])

    for sheet in ("second", 1):
        table = read(content, "x.xlsx", options={"sheet": sheet}).table
        assert table.to_pydict() == {"b": [2]}
    with pytest.raises(SnapshotError, match="xlsx_sheet: expected sheet 'third'"):
        read(content, "x.xlsx", options={"sheet": "third"})


def test_excel_header_faults_are_refused(read: Read) -> None:
    with pytest.raises(SnapshotError, match="duplicate_column"):
        read(workbook([["a", "a"], [1, 2]]), "x.xlsx")
    with pytest.raises(SnapshotError, match="header_only"):
        read(workbook([["a", "b"]]), "x.xlsx")
    with pytest.raises(SnapshotError, match="empty_file"):
        read(workbook([]), "x.xlsx")


def test_contract_text_is_text_in_excel_too(read: Read) -> None:
    table = read(workbook([["zip"], [7], [10]]), "x.xlsx", types={"zip": "string"}).table

    assert table.to_pydict() == {"zip": ["7", "10"]}


def record(code: int, body: bytes) -> bytes:
    return struct.pack("<HH", code, len(body)) + body


def old_cell(row: int, col: int, value: Any) -> bytes:
    place = struct.pack("<HHH", row, col, 0)
    if isinstance(value, str):
        text = struct.pack("<HB", len(value), 0) + value.encode("latin-1")
        return record(0x0204, place + text)
    return record(0x0203, place + struct.pack("<d", value))


def old_workbook(rows: list[list[Any]]) -> bytes:
    """Write the smallest xls: one BIFF8 sheet as the only stream of a compound file."""
    end = record(0x0A, b"")
    start = [record(0x0809, struct.pack("<HHHHII", 0x0600, kind, 0, 0, 0, 0)) for kind in (5, 16)]
    offset = len(start[0]) + 4 + 13 + len(end)
    sheet = struct.pack("<IBB", offset, 0, 0) + b"\x05\x00first"
    cells = [old_cell(r, c, value) for r, row in enumerate(rows) for c, value in enumerate(row)]
    stream = start[0] + record(0x85, sheet) + end + start[1] + b"".join(cells) + end
    stream = stream.ljust(8 * 512, b"\0")  # shorter ones would lie in a mini stream
    free, last = 0xFFFFFFFF, 0xFFFFFFFE
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    header += struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, last, 0, last, 0)
    header += struct.pack("<109I", 0, *[free] * 108)
    chain = [0xFFFFFFFD, last, *range(3, 10), last]
    table = struct.pack("<128I", *chain, *[free] * (128 - len(chain)))
    entries = b"".join(
        name.encode("utf-16-le").ljust(64, b"\0")
        + struct.pack("<HBBIII", 2 * len(name) + 2, kind, 1, free, free, child)
        + bytes(36)
        + struct.pack("<IQ", sector, size)
        for name, kind, child, sector, size in (
            ("Root Entry", 5, 1, last, 0),
            ("Workbook", 2, free, 2, len(stream)),
        )
    )
    return header + table + entries.ljust(512, b"\0") + stream


def test_old_excel_is_read(read: Read) -> None:
    content = old_workbook([["n", "x", "s"], [1.0, 0.5, "a"], [2.0, 1.5, "b"]])

    table = read(content, "x.xls").table

    assert table.to_pydict() == {"n": [1, 2], "x": [0.5, 1.5], "s": ["a", "b"]}


@given(
    values=st.lists(st.none() | st.floats() | st.just(1.0), min_size=1, max_size=30),
    texts=st.lists(st.none() | st.text(st.characters(codec="utf-8")), min_size=1, max_size=30),
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_parquet_gives_back_what_was_written(
    read: Read, values: list[float | None], texts: list[str | None]
) -> None:
    n_rows = min(len(values), len(texts))
    table = pa.table(
        {"x": pa.array(values[:n_rows], pa.float64()), "s": pa.array(texts[:n_rows], pa.string())}
    )

    result = read(parquet(table), "x.parquet").table

    assert result.column("s").equals(table.column("s"))
    np.testing.assert_array_equal(result.column("x").to_numpy(), table.column("x").to_numpy())
