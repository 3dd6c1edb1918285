"""JSON, JSON lines and ARFF."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calmops_flows.errors import SnapshotError

if TYPE_CHECKING:
    from tests.data.conftest import Read

RECORDS = [{"a": 1, "b": "x"}, {"a": None, "b": "y"}, {"a": 3}]
COLUMNS: dict[str, list[object]] = {"a": [1, None, 3], "b": ["x", "y", None]}
ARFF = b"""% comment
@RELATION 'the relation'

@attribute x numeric
@attribute 'two words' {low,'mid dle',"hi, gh"}
@attribute n INTEGER
@attribute s string
@attribute t date "yyyy-MM-dd HH:mm:ss"
@data
1.5, 'mid dle', 3, 'it\\'s, ok', '2024-01-02 03:04:05'
% a comment, between, the, rows, 1
?,low,?,?,?
2,'hi, gh',4,plain,'2024-01-03 00:00:00'
"""


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (json.dumps(RECORDS), "x.json"),
        (json.dumps(COLUMNS), "x.json"),
        (json.dumps({k: dict(enumerate(v)) for k, v in COLUMNS.items()}), "x.json"),
        ("\n".join(json.dumps(record) for record in RECORDS), "x.jsonl"),
        ("\ufeff" + "\n".join(json.dumps(record) for record in RECORDS) + "\n", "x.ndjson"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_json_layouts_give_the_same_table(
    read: Read, content: str, name: str, encoding: str
) -> None:
    batch = read(content.lstrip("\ufeff").encode(encoding), name)

    assert batch.table.to_pydict() == COLUMNS
    assert batch.warnings == ()


@pytest.mark.parametrize("name", ["x.json", "x.jsonl"])
def test_json_with_a_byte_order_mark_is_read(read: Read, name: str) -> None:
    content = b'\xef\xbb\xbf[{"a": 1}]' if name == "x.json" else b'\xef\xbb\xbf{"a": 1}\n'

    assert read(content, name).table.to_pydict() == {"a": [1]}


@pytest.mark.parametrize(
    ("content", "name", "reason", "place"),
    [
        (b'[{"a": 1}, {"a": 2', "x.json", "json_cut", "line 1, column 19"),
        (b'[{"a": 1}, {"a": "x', "x.json", "json_cut", "line 1, column 18"),
        (b'[{"a": 1},\n oops]', "x.json", "json_syntax", "line 2, column 2"),
        (b'[{"a": 1}, 7]', "x.json", "json_shape", "record 2"),
        (b"7", "x.json", "json_shape", "array of records"),
        (b'{"a": 1}', "x.json", "json_shape", "column 'a'"),
        (b'{"a": [1], "b": [1, 2]}', "x.json", "json_columns", "between 1 and 2"),
        (b'[{"a": 1}, {"a": "canary"}]', "x.json", "json_type", "column 'a': mixes numbers, text"),
        (b'[{"a": [1]}]', "x.json", "nested_type", "column 'a'"),
        (b"[]", "x.json", "header_only", ""),
        (b'{"a": 1}\n{"a": 2', "x.jsonl", "json_cut", "line 2"),
        (b'{"a": 1}\n{"a": "x', "x.jsonl", "json_cut", "line 2"),
        (b'{"a": 1}\nxx\n{"a": 3}\n', "x.jsonl", "json_row", "line 2"),
        (b'{"a": 1}\n{"a": "canary"}\n', "x.jsonl", "json_type", "line 2"),
        (b'{"a": 1, "a": 2}\n', "x.jsonl", "duplicate_column", "line 1"),
        (b'{"a": {"b": 1}}\n', "x.jsonl", "nested_type", "column 'a'"),
        (b"\n\n", "x.jsonl", "empty_file", ""),
    ],
)
def test_broken_json_is_refused_with_its_place_and_no_value(
    read: Read, content: bytes, name: str, reason: str, place: str
) -> None:
    with pytest.raises(SnapshotError) as caught:
        read(content, name)

    assert caught.value.reason == reason
    assert place in caught.value.detail
    assert "canary" not in str(caught.value)


def test_json_lines_row_is_counted_over_blocks(read: Read) -> None:
    line = json.dumps({"a": "x" * 1_000}).encode() + b"\n"
    content = line * 20_000 + b"oops\n" + line

    with pytest.raises(SnapshotError, match="json_row: line 20001"):
        read(content, "x.jsonl")


def test_json_lines_text_of_the_contract_is_not_taken_for_dates(read: Read) -> None:
    content = b'{"d": "2024-01-02"}\n'

    as_text = read(content, "x.jsonl", types={"d": "string", "absent": "string"}).table

    assert as_text.to_pydict() == {"d": ["2024-01-02"]}
    assert str(read(content, "x.jsonl").table.schema.types[0]) == "timestamp[s]"


def test_arff_gives_numbers_levels_dates_and_nulls(read: Read) -> None:
    batch = read(ARFF, "x.arff")

    assert batch.table.to_pydict() == {
        "x": [1.5, None, 2.0],
        "two words": ["mid dle", "low", "hi, gh"],
        "n": [3, None, 4],
        "s": ["it's, ok", None, "plain"],
        "t": [datetime(2024, 1, 2, 3, 4, 5), None, datetime(2024, 1, 3)],  # noqa: DTZ001
    }
    levels = batch.table.column("two words").chunk(0).dictionary.to_pylist()
    assert levels == ["low", "mid dle", "hi, gh"]
    assert batch.warnings == ()


HEAD = b"@relation r\n@attribute x numeric\n@attribute c {a,b}\n"


@pytest.mark.parametrize(
    ("content", "reason", "place"),
    [
        (HEAD + b"@data\n1,a\n2,canary\n", "arff_nominal", "column 'c'.*row 2"),
        (HEAD + b"@data\n{0 1, 1 a}\n", "arff_sparse", "sparse"),
        (HEAD + b"@data\n1,a\n2\n3,a\n", "csv_row", "record 2"),
        (HEAD + b"@data\n1,a\n2", "arff_cut", "expected 2 columns, found 1"),
        (HEAD + b"@data\n1,'a\n", "arff_cut", "quoted"),
        (HEAD + b"@data\nabc,a\n", "csv_cell", "column 'x'"),
        (HEAD + b"@data\n", "header_only", "no row"),
        (HEAD, "arff_header", "no @data"),
        (HEAD + b"@attribute x numeric\n@data\n1,a,2\n", "duplicate_column", "'x'"),
        (HEAD + b"@attribute y relational\n@data\n1,a,2\n", "arff_relational", "line 4"),
        (HEAD + b"@attribute y quaternion\n@data\n1,a,2\n", "arff_header", "line 4"),
        (HEAD + b"@attribute y {a,b\n@data\n1,a,2\n", "arff_header", "line 4"),
        (HEAD + b"what is this\n@data\n1,a\n", "arff_header", "line 4"),
        (b"@data\n1\n", "arff_header", "no @attribute"),
    ],
)
def test_broken_arff_is_refused_with_its_place(
    read: Read, content: bytes, reason: str, place: str
) -> None:
    with pytest.raises(SnapshotError, match=place) as caught:
        read(content, "x.arff")

    assert caught.value.reason == reason
    assert "canary" not in str(caught.value)


def test_arff_without_a_last_newline_brings_a_warning(read: Read) -> None:
    batch = read(HEAD + b"@data\n1,a\n2,b", "x.arff")

    assert batch.table.num_rows == 2
    assert "no newline" in batch.warnings[0]


scalars = st.integers(-(2**53), 2**53) | st.none()
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=10)


@given(
    rows=st.lists(
        st.fixed_dictionaries({"n": st.integers(-(2**53), 2**53), "s": texts.map("s{}".format)}),
        min_size=1,
        max_size=15,
    ),
    name=st.sampled_from(["x.json", "x.jsonl"]),
    escaped=st.booleans(),
)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_json_gives_back_what_was_written(
    read: Read, rows: list[dict[str, object]], name: str, escaped: bool
) -> None:
    lines = [json.dumps(row, ensure_ascii=escaped) for row in rows]
    content = "\n".join(lines) if name == "x.jsonl" else f"[{','.join(lines)}]"

    table = read(content.encode(), name).table

    assert table.to_pylist() == rows
