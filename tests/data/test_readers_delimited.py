"""Separated text: what is read, what is refused and where it says so."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calmops_flows.errors import SnapshotError, SpecError

if TYPE_CHECKING:
    from tests.data.conftest import Read

TYPED = b"""n,x,s,b,d,t
1,1.5,a,true,2024-01-02,2024-01-02 03:04:05
,,,,,
2,3,b,false,2024-02-03,2024-02-03 00:00:00
"""
SECRET = "canary"


def test_csv_types_are_inferred_and_empty_cells_are_null(read: Read) -> None:
    table = read(TYPED).table

    assert [str(t) for t in table.schema.types] == [
        "int64",
        "double",
        "string",
        "bool",
        "date32[day]",
        "timestamp[s]",
    ]
    assert table.slice(1, 1).to_pylist() == [dict.fromkeys(table.column_names)]
    assert table.num_rows == 3


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"a,b\n1,2\n3,4\n", "x.csv"),
        (b"a;b\n1;2\n3;4\n", "x.csv"),
        (b"a\tb\n1\t2\n3\t4\n", "x.csv"),
        (b"a\tb\n1\t2\n3\t4\n", "x.tsv"),
        (b"a b\n1 2\n3 4\n", "x.txt"),
        (b"a|b\n1|2\n3|4\n", "x.txt"),
        (b"a,b\r\n1,2\r\n3,4\r\n", "X.CSV"),
        (b"a,b\r1,2\r3,4\r", "x.csv"),
        (b"\xef\xbb\xbfa,b\n1,2\n3,4\n", "x.csv"),
        ("a,b\n1,2\n3,4\n".encode("utf-16"), "x.csv"),
        ("a,b\n1,2\n3,4\n".encode("utf-32"), "x.csv"),
        (b"\n\na,b\n1,2\n\n3,4\n", "x.csv"),
    ],
)
def test_delimiters_line_ends_and_marks_give_the_same_table(
    read: Read, content: bytes, name: str
) -> None:
    batch = read(content, name)

    assert batch.table.to_pydict() == {"a": [1, 3], "b": [2, 4]}
    assert batch.warnings == ()


def test_delimiter_option_wins_over_inference(read: Read) -> None:
    batch = read(b"a,b;c\n1,2;3\n", options={"delimiter": ";"})

    assert batch.table.column_names == ["a,b", "c"]


def test_latin_1_is_read_with_a_warning_that_names_the_byte(read: Read) -> None:
    content = "n,city\n1,Málaga\n2,Köln\n3,Orléans\n".encode("latin-1")

    batch = read(content)

    assert batch.table.column("city").to_pylist() == ["Málaga", "Köln", "Orléans"]
    assert "first other byte at 10" in batch.warnings[0]


def test_encoding_option_is_obeyed(read: Read) -> None:
    content = "n,имя\n1,Иван\n".encode("cp1251")

    batch = read(content, options={"encoding": "cp1251"})

    assert batch.table.to_pydict() == {"n": [1], "имя": ["Иван"]}
    assert batch.warnings == ()


def test_byte_that_the_wanted_encoding_lacks_is_refused_with_its_offset(read: Read) -> None:
    with pytest.raises(SnapshotError, match="encoding: byte 7 is not valid utf-8"):
        read(b"a,b\n1,x\xffy\n", options={"encoding": "utf8"})


@pytest.mark.parametrize("offset", [0, 5, 2_000_004])
def test_nul_byte_is_refused_with_its_offset(read: Read, offset: int) -> None:
    content = bytearray(b"a,b\n1,2\n" * 300_000)
    content[offset] = 0

    with pytest.raises(SnapshotError, match=f"nul_bytes: NUL at or after byte {offset}:"):
        read(bytes(content))


def test_utf_16_without_mark_is_refused_with_a_hint(read: Read) -> None:
    with pytest.raises(SnapshotError, match=r"nul_bytes.*UTF-16 without a byte order mark"):
        read("a,b\n1,2\n".encode("utf-16-le"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty_file"),
        (b"\n\r\n\n", "empty_file"),
        (b"\xef\xbb\xbf", "empty_file"),
        (b"a,b", "header_only"),
        (b"a,b\n", "header_only"),
        (b"a,a\n1,2\n", "duplicate_column"),
        (b"a,b\n1,2,3\n4,5\n", "csv_row"),
        (b"a,b\n1\n4,5\n", "csv_row"),
        (b"a,b\n1,2\n4\n", "csv_row"),
        (b"a,b\n1,2\n4", "csv_cut"),
        (b'a,b\n1,"x', "csv_cut"),
        (b'a,b\n1,"x\n2,y\n', "csv_cut"),
        (b'a,b\n"1\n2,y\n', "csv_cut"),
        (b'a\n1\n"2\n', "csv_cut"),
        ("a,b\n1,é".encode()[:-1], "csv_cut"),
        ("a,b\n1,é\n".encode("utf-16")[:-1], "csv_cut"),
    ],
)
def test_broken_csv_is_refused_with_its_reason(read: Read, content: bytes, reason: str) -> None:
    with pytest.raises(SnapshotError) as caught:
        read(content)

    assert caught.value.reason == reason


def test_row_error_names_the_record_and_no_value(read: Read) -> None:
    content = b"a,b\n" + b"1,2\n" * 40_000 + b"1,2," + SECRET.encode() + b"\n" + b"1,2\n" * 40_000

    with pytest.raises(SnapshotError) as caught:
        read(content)

    assert caught.value.detail == "record 40002 (the header is 1): expected 2 columns, found 3"
    assert SECRET not in str(caught.value)


def test_quote_inside_an_unquoted_cell_is_text(read: Read) -> None:
    batch = read(b'a,b\n1,5" pipe\n2,ok\n')

    assert batch.table.column("b").to_pylist() == ['5" pipe', "ok"]


def test_csv_cut_at_any_byte_is_never_accepted_silently(read: Read) -> None:
    rows = [["id", "name", "x"]]
    rows += [[str(i), f'née "{i}", x\ny' if i % 3 else "plain", f"{i}.25"] for i in range(25)]
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(rows)
    whole = out.getvalue().encode()
    read(whole)
    accepted = []

    for cut in range(len(whole)):
        try:
            batch = read(whole[:cut])
        except SnapshotError as err:
            assert err.reason in {"csv_cut", "header_only", "empty_file", "csv_header"}  # noqa: PT017
        else:
            if not any("no newline" in warning for warning in batch.warnings):
                accepted.append(cut)
                assert batch.table.to_pydict()["id"] == list(range(batch.table.num_rows))

    # Only whole records: nothing shows that another one should follow.
    assert len(accepted) == 24
    assert all(whole[cut - 1 : cut] == b"\n" for cut in accepted)


def test_text_columns_of_the_contract_are_not_inferred_anew(read: Read) -> None:
    types = {"zip": "string", "level": "category", "n": "int", "absent": "string"}

    table = read(b"zip,level,n\n007,1,3\n010,2,4.5\n", types=types).table

    assert table.to_pydict() == {"zip": ["007", "010"], "level": ["1", "2"], "n": [3.0, 4.5]}


def test_times_of_day_stay_as_they_are_written(read: Read) -> None:
    table = read(b"t,n\n12:30,1\n09:05,2\n").table

    assert table.column("t").to_pylist() == ["12:30", "09:05"]


def test_decimal_comma_is_reported_and_read_with_the_option(read: Read) -> None:
    content = b"a;b\n1,5;x\n2;y\n-3,25;z\n"

    doubtful = read(content)
    explained = read(content, options={"decimal": ","})

    assert doubtful.table.column("a").to_pylist() == ["1,5", "2", "-3,25"]
    assert "column 'a': 2 of 3 cells look like numbers with a decimal comma" in doubtful.warnings[0]
    assert explained.table.column("a").to_pylist() == [1.5, 2.0, -3.25]
    assert explained.warnings == ()


def test_few_decimal_commas_are_reported_where_the_contract_says_numbers(read: Read) -> None:
    content = b"a;b\nabout;1\n" + b"abc;2\n" * 5 + b"1,5;3\n"

    assert read(content).warnings == ()
    assert "1 of 7 cells" in read(content, types={"a": "float"}).warnings[0]


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ([b"01/02/2024", b"03/04/2024"], "cannot be told apart"),
        ([b"13/02/2024", b"03/04/2024"], "day seems to come first"),
        ([b"02/13/2024", b"03/04/2024"], "month seems to come first"),
        ([b"02/13/2024", b"13/02/2024"], "both day-month and month-day occur"),
        ([b"1.2.24", b"3.4.24"], "cannot be told apart"),
    ],
)
def test_local_dates_stay_text_and_are_reported(read: Read, cells: list[bytes], said: str) -> None:
    batch = read(b"d,n\n" + b"".join(cell + b",1\n" for cell in cells))

    assert batch.table.column("d").to_pylist() == [cell.decode() for cell in cells]
    assert said in batch.warnings[0]


def test_date_format_option_makes_dates_and_timestamps(read: Read) -> None:
    days = read(b"d,n\n01/02/2024,1\n,2\n", options={"date_format": "%d/%m/%Y"})
    times = read(b"d,n\n01/02/2024 10:30,1\n", options={"date_format": "%d/%m/%Y %H:%M"})

    assert days.table.column("d").to_pylist() == [date(2024, 2, 1), None]
    assert times.table.column("d").to_pylist() == [datetime(2024, 2, 1, 10, 30)]  # noqa: DTZ001
    assert days.warnings == times.warnings == ()


def test_columns_without_a_name_are_named_by_position(read: Read) -> None:
    batch = read(b",a,\n0,1,2\n")

    assert batch.table.column_names == ["column_1", "a", "column_3"]
    assert "2 columns without a name" in batch.warnings[0]


def test_cell_larger_than_a_block_is_read(read: Read) -> None:
    cell = b"x" * 9_000_000

    table = read(b"a,b\n1," + cell + b"\n2,y\n").table

    assert table.column("b").to_pylist() == [cell.decode(), "y"]


def test_ten_thousand_columns_are_read(read: Read) -> None:
    header = ",".join(f"c{i}" for i in range(10_000))
    row = ",".join(["1.5"] * 10_000)

    table = read(f"{header}\n{row}\n{row}\n".encode()).table

    assert table.shape == (2, 10_000)


@pytest.mark.parametrize(
    "options",
    [{"sep": ","}, {"decimal": ";"}, {"delimiter": "::"}, {"encoding": "klingon"}, {"encoding": 8}],
)
def test_wrong_option_is_an_error_of_the_spec(read: Read, options: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match="read_options"):
        read(b"a,b\n1,2\n", options=options)


text_cells = st.text(
    st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=("Cs", "Cc")),
    max_size=12,
)


@given(
    rows=st.lists(
        st.tuples(
            st.integers(-(2**53), 2**53),
            st.floats(allow_nan=False, allow_infinity=False),
            text_cells,
        ),
        min_size=1,
        max_size=20,
    )
)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_csv_gives_back_what_was_written(read: Read, rows: list[tuple[int, float, str]]) -> None:
    out = io.StringIO(newline="")
    csv.writer(out).writerows([("n", "x", "s"), *((n, repr(x), s) for n, x, s in rows)])
    nulls = {"", "NA", "NaN", "nan", "null", "NULL", "N/A", "n/a", "#N/A"}

    table = read(out.getvalue().encode(), types={"s": "string"}).table

    assert table.column("n").to_pylist() == [n for n, _, _ in rows]
    assert table.column("x").cast(pa.float64()).to_pylist() == [x for _, x, _ in rows]
    expected = [None if s in nulls else s for _, _, s in rows]
    assert table.column("s").to_pylist() == expected
