"""The contract: learnt once, kept by every later file, widened where nothing is lost."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calmops_flows.data.conform import ColumnNote, Conformed, conform
from calmops_flows.data.contract import ColumnContract, Contract, learn
from calmops_flows.errors import SnapshotError, SpecError

DAY = date(2024, 1, 2)
NOON = datetime(2024, 1, 2, 12)  # noqa: DTZ001 - naive on purpose
FIRST = pa.table(
    {
        "n": [1, 2, None],
        "x": [0.5, float("nan"), float("inf")],
        "s": ["b", "a", "b"],
        "c": pa.array(["u", "v", "u"]).dictionary_encode(),
        "z": pa.nulls(3),
        "y": [True, False, True],
    }
)


def column(values: Any) -> pa.Table:
    return pa.table({"v": values})


def later(first: Any, values: Any) -> Conformed:
    """Conform one column to the contract learnt from another."""
    return conform(column(values), learn(column(first), target=None))


def test_contract_holds_types_rates_levels_and_finite_range() -> None:
    contract = learn(FIRST, target="y")

    assert contract.types == {
        "n": "int",
        "x": "float",
        "s": "string",
        "c": "category",
        "z": "null",
        "y": "bool",
    }
    n, x, s, c, z, _ = contract.columns
    assert n.missing_rate == x.missing_rate == pytest.approx(1 / 3)
    assert (n.minimum, n.maximum, x.minimum, x.maximum) == (1.0, 2.0, 0.5, 0.5)
    assert (s.categories, c.categories) == (("a", "b"), ("u", "v"))
    assert (z.required, n.required) == (False, True)


def test_contract_survives_its_json_text() -> None:
    contract = learn(FIRST, target="y")

    again = Contract.from_json(contract.to_json())

    assert again == contract
    assert again.to_json() == contract.to_json()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"columns":[{"name":"a"}],"target":null}'])
def test_text_that_is_no_contract_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match="not the JSON text of a contract"):
        Contract.from_json(text)


def test_first_table_conforms_to_its_own_contract() -> None:
    result = conform(FIRST, learn(FIRST, target="y"))

    assert result.table.schema == FIRST.schema
    assert result.table.drop("x").equals(FIRST.drop("x"))
    assert result.warnings == ("infinite numbers in 1 columns: 'x' (1)",)
    assert [note.name for note in result.notes] == ["n", "x", "z"]


def test_levels_above_a_thousand_are_not_kept() -> None:
    most = learn(column([str(i) for i in range(1_000)]), target=None)
    more = learn(column([str(i) for i in range(1_001)]), target=None)

    assert len(most.columns[0].categories or ()) == 1_000
    assert more.columns[0].categories is None


def test_declared_types_win_and_declared_columns_are_required() -> None:
    declared = {"v": "string", "w": "float"}
    contract = learn(column(["1", "2"]), target=None, declared=declared)

    assert contract.types == declared
    with pytest.raises(SnapshotError, match="missing_column: 1 column is missing: 'w'"):
        conform(column(["1", "2"]), contract)


def test_reordered_and_extra_columns_are_fine() -> None:
    contract = learn(pa.table({"a": [1], "b": ["x"]}), target=None)

    result = conform(pa.table({"extra": [0], "b": ["x"], "a": [1]}), contract)

    assert result.table.to_pydict() == {"a": [1], "b": ["x"]}
    assert result.warnings == ("1 extra columns ignored: 'extra'",)


def test_missing_columns_are_listed_up_to_ten() -> None:
    contract = learn(pa.table({f"c{i}": [1] for i in range(13)} | {"k": [1]}), target=None)

    with pytest.raises(SnapshotError) as caught:
        conform(pa.table({"k": [1]}), contract)

    assert caught.value.reason == "missing_column"
    assert caught.value.detail.startswith("13 columns are missing: 'c0', 'c1'")
    assert caught.value.detail.endswith("'c9' … and 3 more")


def test_duplicate_columns_are_refused() -> None:
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["v", "v"])

    with pytest.raises(SnapshotError, match="duplicate_column"):
        learn(twice, target=None)
    with pytest.raises(SnapshotError, match="duplicate_column: more than once: 'v'"):
        conform(twice, learn(column([1]), target=None))


def test_target_is_needed_unless_it_is_only_predicted() -> None:
    contract = learn(pa.table({"a": [1], "y": [0]}), target="y")
    unlabelled = pa.table({"a": [1]})

    with pytest.raises(SnapshotError, match="missing_column: 1 column is missing: 'y'"):
        conform(unlabelled, contract)
    assert conform(unlabelled, contract, needs_target=False).table.column_names == ["a"]


def test_target_that_the_first_file_lacks_is_missing() -> None:
    table = pa.table({"a": [1]})

    with pytest.raises(SnapshotError, match=r"missing_column.*'y'"):
        conform(table, learn(table, target="y"))


def test_missing_targets_are_recorded() -> None:
    contract = learn(pa.table({"a": [1, 2], "y": [0, 1]}), target="y")

    result = conform(pa.table({"a": [1, 2], "y": [None, 1]}), contract)

    assert result.warnings == ("target 'y': 50.0% of the rows have none",)


@pytest.mark.parametrize(
    ("first", "values", "kind", "expected"),
    [
        ([1, 2], [1.5, None], "double", [1.5, None]),
        ([1, 2], [1.0, None], "int64", [1, None]),
        ([1, 2], [1.0, float("nan")], "int64", [1, None]),
        ([1, 2], [True, None], "int64", [1, None]),
        ([1, 2], pa.array([3], pa.int8()), "int64", [3]),
        ([1.5], [2**60], "double", [float(2**60)]),
        ([1.5], [False], "double", [0.0]),
        ([1.5], pa.array([0.5], pa.float32()), "double", [0.5]),
        ([True], [0, 1, None], "bool", [False, True, None]),
        (["a"], pa.array(["a"], pa.large_string()), "string", ["a"]),
        (["a"], pa.array(["a"]).dictionary_encode(), "string", ["a"]),
        ([NOON], [DAY], "timestamp[us]", [datetime(2024, 1, 2)]),  # noqa: DTZ001
        ([DAY], [NOON], "date32[day]", [DAY]),
        ([NOON], pa.array([3_600], pa.timestamp("s", tz="Europe/Madrid")), "timestamp[us]",
         [datetime(1970, 1, 1, 1)]),  # noqa: DTZ001
        ([1], pa.nulls(2), "int64", [None, None]),
        ([1], pa.nulls(1, pa.string()), "int64", [None]),
        ([DAY], pa.nulls(1), "date32[day]", [None]),
        (pa.nulls(1), ["a"], "string", ["a"]),
        (pa.nulls(1), [1.5], "double", [1.5]),
    ],
)  # fmt: skip
def test_value_that_loses_nothing_is_widened(
    first: Any, values: Any, kind: str, expected: list[Any]
) -> None:
    result = later(first, values).table.column("v")

    assert str(result.type) == kind
    assert result.to_pylist() == expected


@pytest.mark.parametrize("values", [["a", "b"], pa.array(["b", "a"]).dictionary_encode()])
def test_text_becomes_the_category_of_the_contract(values: Any) -> None:
    result = later(pa.array(["a", "b"]).dictionary_encode(), values)

    assert pa.types.is_dictionary(result.table.column("v").type)
    assert sorted(result.table.column("v").to_pylist()) == ["a", "b"]
    assert result.warnings == ()


@pytest.mark.parametrize(
    ("first", "values", "said"),
    [
        ([1], ["1", "2", "canary"], "expected int, found string at row 3"),
        ([1], ["1", "2"], "expected int, found string at row 1"),
        ([1], [None, "canary"], "expected int, found string at row 2"),
        ([1.5], ["1,5"], "expected float, found string at row 1"),
        ([True], [0, 1, 2], "expected bool, found int at row 3"),
        ([True], ["true", "canary"], "expected bool, found string at row 2"),
        (["a"], [1], "expected string, found int at row 1"),
        ([DAY], ["2024-01-02", "02/01/2024"], "expected date, found string at row 2"),
        ([NOON], [1], "expected timestamp, found int at row 1"),
        ([1], [[1]], "expected int, found list"),
        ([1], pa.array([2**64 - 1], pa.uint64()), "expected int, found uint64"),
    ],
)
def test_incompatible_type_names_column_types_and_row_but_no_value(
    first: Any, values: Any, said: str
) -> None:
    with pytest.raises(SnapshotError) as caught:
        later(first, values)

    assert caught.value.reason == "column_type"
    assert caught.value.detail.startswith(f"column 'v': {said}")
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("first", "values", "said"),
    [
        ([1], [1.5], "now with decimals"),
        ([1], [True], "now true and false"),
        ([True], [0], "now 0 and 1"),
        ([DAY], [NOON], "now with times"),
        (pa.nulls(1), ["a"], "had no value in the contract, now string"),
        ([1.0], [float("inf"), float("-inf")], "infinite numbers in 1 columns: 'v' (2)"),
        ([1.0], [None], "no value at all in 1 columns: 'v'"),
        (["a", "b"], ["canary", "canary", "c", None], "'v' (2 levels, 3 rows)"),
    ],
)
def test_what_was_accepted_but_is_odd_is_said(first: Any, values: Any, said: str) -> None:
    result = later(first, values)

    assert len(result.warnings) == 1
    assert said in result.warnings[0]
    assert "canary" not in result.warnings[0]


def test_notes_count_missing_infinite_and_unseen_by_column() -> None:
    first = pa.table({"x": [1.0], "s": ["a"], "ok": [1]})
    contract = learn(first, target=None)
    values = pa.table(
        {"x": [None, float("nan"), float("inf"), 1.0], "s": ["a", "q", "q", None], "ok": [1] * 4}
    )

    notes = conform(values, contract).notes

    assert notes == (
        ColumnNote("x", missing_rate=0.5, infinite=1),
        ColumnNote("s", missing_rate=0.25, unseen_levels=1, unseen_rows=2),
    )


def test_optional_column_that_is_missing_is_filled_with_nulls() -> None:
    contract = Contract(
        (ColumnContract("a", "int"), ColumnContract("b", "category", required=False)), None
    )

    result = conform(pa.table({"a": [1, 2]}), contract)

    assert result.table.to_pydict() == {"a": [1, 2], "b": [None, None]}
    assert result.warnings == ("1 optional columns missing: 'b'",)


def test_ten_thousand_columns_conform() -> None:
    table = pa.table({f"c{i}": [1.0, None] for i in range(10_000)})

    result = conform(table, learn(table, target="c0"))

    assert result.table.equals(table)
    assert len(result.notes) == 10_000


def test_a_million_levels_conform() -> None:
    table = column(np.arange(1_000_000).astype(str))
    contract = learn(table, target=None)

    assert contract.columns[0].categories is None
    assert conform(table, contract).table.equals(table)


cells = st.one_of(
    st.lists(st.none() | st.booleans(), min_size=1),
    st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), min_size=1),
    st.lists(st.none() | st.floats(allow_nan=False), min_size=1),
    st.lists(st.none() | st.text(st.characters(codec="utf-8")), min_size=1),
    st.lists(st.none() | st.dates(), min_size=1),
)


@given(cells)
def test_any_column_conforms_to_its_own_contract_unchanged(values: list[Any]) -> None:
    table = column(values)
    contract = learn(table, target=None)

    result = conform(table, Contract.from_json(contract.to_json()))

    assert result.table.to_pydict() == table.to_pydict()
    assert not any("does not know" in warning for warning in result.warnings)
