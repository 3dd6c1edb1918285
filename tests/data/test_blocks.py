from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calmops_flows.data.blocks import block_digest, label_blocks, split_blocks
from calmops_flows.errors import SnapshotError

DAY, MOMENT = dt.date(2020, 1, 2), dt.datetime(2020, 1, 2, 3, tzinfo=dt.UTC).replace(tzinfo=None)
EVERY_TYPE = pa.table(
    {
        "bool": [True, None, False],
        "int": [1, None, 3],
        "float": [0.5, None, float("nan")],
        "string": ["a", None, ""],
        "category": pa.array(["a", None, "b"]).dictionary_encode(),
        "date": pa.array([DAY, None, DAY], pa.date32()),
        "timestamp": pa.array([MOMENT, None, MOMENT], pa.timestamp("us")),
        "null": pa.nulls(3),
    }
)


def ids(values: list[Any]) -> list[str]:
    table = label_blocks(pa.table({"b": values}), "b")
    return [block.id for block in split_blocks(table, "b")]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([10, 2, 1], ["1", "2", "10"]),
        ([2.0, 10.0], ["2", "10"]),
        ([0.5, 2.0], ["0.5", "2"]),
        (["b10", "b2", "7", "north", "12"], ["7", "12", "b2", "b10", "north"]),
        ([True, False], ["false", "true"]),
        ([DAY], ["2020-01-02"]),
        (["ä", "#1", "a b"], ["#1", "a b", "ä"]),
    ],
)
def test_ids_of_any_type_are_texts_in_natural_order(values: list[Any], expected: list[str]) -> None:
    assert ids(values) == expected


@pytest.mark.parametrize("values", [["a", None], ["a", "  "], [1.0, float("nan")], [None, None]])
def test_row_without_block_id_is_refused_with_its_place(values: list[Any]) -> None:
    with pytest.raises(SnapshotError, match=r"block_id: column 'b' is empty in \d rows, the first"):
        label_blocks(pa.table({"b": values}), "b")


def test_file_without_block_column_is_refused() -> None:
    with pytest.raises(SnapshotError, match=r"missing_column: block.column 'b' is not there"):
        label_blocks(pa.table({"a": [1]}), "b")


def test_nested_id_is_refused() -> None:
    with pytest.raises(SnapshotError, match="names no block"):
        label_blocks(pa.table({"b": [{"x": 1}]}), "b")


@given(st.lists(st.tuples(st.sampled_from(["1", "2", "x"]), st.integers(-5, 5)), max_size=30))
def test_blocks_hold_every_row_once_in_file_order(rows: list[tuple[str, int]]) -> None:
    table = pa.table(
        {
            "b": pa.array([block for block, _ in rows], pa.string()),
            "x": pa.array([x for _, x in rows], pa.int64()),
        }
    )

    found = {block.id: block.table["x"].to_pylist() for block in split_blocks(table, "b")}

    assert found == {
        block: [x for other, x in rows if other == block] for block in {b for b, _ in rows}
    }


def test_digest_does_not_depend_on_how_the_rows_lie_in_memory() -> None:
    chunked = pa.concat_tables([EVERY_TYPE.slice(0, 1), EVERY_TYPE.slice(1)])
    padded = pa.concat_tables([EVERY_TYPE.slice(2), EVERY_TYPE]).slice(1)
    garbage = np.array([7, 8], np.int64)
    hidden = [
        pa.Array.from_buffers(
            pa.int64(), 2, [pa.py_buffer(b"\x01"), pa.py_buffer(garbage + change)]
        )
        for change in (0, np.array([0, 99]))
    ]

    assert len({block_digest("a", table) for table in (EVERY_TYPE, chunked, padded)}) == 1
    assert len({block_digest("a", pa.table({"x": rows})) for rows in hidden}) == 1


@pytest.mark.parametrize("column", EVERY_TYPE.column_names[:-1])
def test_digest_depends_on_each_cell(column: str) -> None:
    place = EVERY_TYPE.column_names.index(column)
    turned = EVERY_TYPE.column(column).take(pa.array([1, 0, 2]))

    changed = EVERY_TYPE.set_column(place, column, turned)

    assert block_digest("a", changed) != block_digest("a", EVERY_TYPE)


@pytest.mark.parametrize(
    ("block", "table"),
    [
        ("b", EVERY_TYPE),
        ("a", EVERY_TYPE.take(pa.array([2, 1, 0]))),
        ("a", EVERY_TYPE.slice(1)),
        ("a", EVERY_TYPE.rename_columns([*EVERY_TYPE.column_names[:-1], "other"])),
    ],
    ids=["id", "order", "rows", "names"],
)
def test_digest_depends_on_id_order_rows_and_names(block: str, table: pa.Table) -> None:
    assert block_digest(block, table) != block_digest("a", EVERY_TYPE)


def test_digest_is_the_one_that_stores_hold() -> None:
    """Computed here when the form was fixed; another value would disown every known block."""
    rows = pa.table({"x": pa.array([1, None], pa.int64()), "s": ["a", None]})

    assert (
        block_digest("a", rows)
        == "074ecfea8f2f6ca2d5e8255f72a3dd1e245e6f00abb69deea545405597e2503b"
    )
