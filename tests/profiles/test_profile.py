"""Profiles of tables: every Arrow type, odd values, order of rows and chunks."""

from __future__ import annotations

import datetime as dt
import decimal

import numpy as np
import pyarrow as pa
import pytest

from calmops_flows.errors import ProfileError
from calmops_flows.profiles import (
    CategoricalColumn,
    Column,
    CountedColumn,
    NumericColumn,
    profile,
    to_bytes,
)


def column_of(array: object, kind: pa.DataType | None = None) -> Column:
    return profile(pa.table({"x": pa.array(array, kind)})).columns["x"]


def test_numbers_are_counted_by_distinct_value() -> None:
    column = column_of([2.0, 1.0, None, 2.0, float("nan"), float("inf"), -float("inf")])

    assert isinstance(column, NumericColumn)
    assert column.values.tolist() == [-np.inf, 1.0, 2.0, np.inf]
    assert column.counts.tolist() == [1, 1, 2, 1]
    assert (column.n, column.n_missing, column.n_infinite, column.rank_error) == (7, 2, 2, 0)


@pytest.mark.parametrize(
    ("array", "kind", "values"),
    [
        ([3, -1], pa.int8(), [-1.0, 3.0]),
        ([2**64 - 1], pa.uint64(), [float(2**64)]),
        ([decimal.Decimal("1.25")], pa.decimal128(10, 2), [1.25]),
        (np.array([1.5], np.float16), pa.float16(), [1.5]),
        ([dt.time(0, 1)], pa.time32("s"), [60.0]),
        ([dt.time(0, 1)], pa.time64("us"), [60.0]),
        ([dt.timedelta(minutes=1)], pa.duration("ms"), [60.0]),
    ],
)
def test_every_kind_of_number_becomes_floats(
    array: object, kind: pa.DataType, values: list[float]
) -> None:
    column = column_of(array, kind)

    assert isinstance(column, NumericColumn)
    assert column.kind == "numeric"
    assert column.values.tolist() == values


@pytest.mark.parametrize(
    "kind", [pa.date32(), pa.date64(), pa.timestamp("s"), pa.timestamp("ns", tz="Europe/Madrid")]
)
def test_dates_become_seconds_since_the_epoch(kind: pa.DataType) -> None:
    column = column_of([dt.datetime(1970, 1, 2, tzinfo=dt.UTC), None], kind)

    assert isinstance(column, NumericColumn)
    assert column.kind == "date"
    assert column.values.tolist() == [86_400.0]
    assert column.n_missing == 1


@pytest.mark.parametrize(
    ("array", "kind", "levels"),
    [
        (["b", "a", None], pa.string(), ("a", "b")),
        (["b", "a", None], pa.large_string(), ("a", "b")),
        (["b", "a", None], pa.string_view(), ("a", "b")),
        ([True, False, None], pa.bool_(), ("false", "true")),
        ([7, 3, None], pa.dictionary(pa.int8(), pa.int64()), ("3", "7")),
    ],
)
def test_strings_booleans_and_dictionaries_become_levels(
    array: object, kind: pa.DataType, levels: tuple[str, ...]
) -> None:
    column = column_of(array, kind)

    assert isinstance(column, CategoricalColumn)
    assert column.levels == levels
    assert column.counts.tolist() == [1, 1]
    assert column.n_missing == 1


def test_null_among_the_dictionary_values_is_missing() -> None:
    array = pa.DictionaryArray.from_arrays(pa.array([0, 1, 1, None]), pa.array(["a", None]))

    column = column_of(array)

    assert column.n_missing == 3


def test_chunks_with_different_dictionaries_are_counted_together() -> None:
    chunks = [pa.array(part).dictionary_encode() for part in (["a", "b"], ["c", "b", None])]

    column = profile(pa.table({"x": pa.chunked_array(chunks)})).columns["x"]

    assert isinstance(column, CategoricalColumn)
    assert dict(zip(column.levels, column.counts.tolist(), strict=True)) == {"a": 1, "b": 2, "c": 1}


@pytest.mark.parametrize(
    ("array", "kind"),
    [
        ([None, None], pa.null()),
        ([None, float("nan")], pa.float64()),
        ([None, None], pa.string()),
        ([None, None], pa.list_(pa.int64())),
        ([], pa.float64()),
        ([], pa.string()),
    ],
)
def test_column_without_any_value_is_of_kind_null(array: object, kind: pa.DataType) -> None:
    column = column_of(array, kind)

    assert column.kind == "null"
    assert column.n_missing == column.n


@pytest.mark.parametrize(
    ("array", "kind"),
    [
        ([[1], None], pa.list_(pa.int64())),
        ([{"a": 1}, None], pa.struct({"a": pa.int64()})),
        ([b"\xff", None], pa.binary()),
    ],
)
def test_nested_and_binary_columns_count_only_missing_values(
    array: object, kind: pa.DataType
) -> None:
    column = column_of(array, kind)

    assert isinstance(column, CountedColumn)
    assert (column.kind, column.n_missing, column.type) == ("opaque", 1, str(kind))


def test_sliced_table_is_read_from_its_offset() -> None:
    table = pa.table({"x": [1.0, 2.0, None, 4.0], "y": ["a", "b", "c", "c"]})

    sliced = profile(table.slice(2))

    assert to_bytes(sliced) == to_bytes(profile(table.take([2, 3])))


def test_order_of_rows_and_chunks_leaves_no_trace() -> None:
    rng = np.random.default_rng(5)
    numbers = np.where(rng.random(30_000) < 0.1, np.nan, rng.normal(size=30_000).round(4))
    zeros = np.where(rng.random(30_000) < 0.5, 0.0, -0.0)
    words = [f"w{i}" for i in rng.zipf(1.3, 30_000) % 20_000]
    table = pa.table({"numbers": numbers, "zeros": zeros, "words": words})
    shuffled = table.take(pa.array(rng.permutation(30_000)))
    chunked = pa.concat_tables(
        [shuffled.slice(0, 7), shuffled.slice(7, 9_000), shuffled.slice(9_007)]
    )

    assert to_bytes(profile(chunked)) == to_bytes(profile(shuffled))
    for name, column in profile(table).columns.items():
        other = profile(chunked).columns[name]
        assert not isinstance(column, CountedColumn)
        assert not isinstance(other, CountedColumn)
        assert np.array_equal(column.counts, other.counts)


def test_autocorrelation_tells_ordered_from_shuffled_rows() -> None:
    rng = np.random.default_rng(31)
    noise = rng.normal(size=5_000)
    serial = np.zeros(5_000)
    for i in range(1, 5_000):
        serial[i] = 0.5 * serial[i - 1] + noise[i]
    words = np.repeat(rng.choice(["a", "b"], 2_500), 2).tolist()
    table = pa.table(
        {"serial": serial, "noise": noise, "words": words, "flat": [1.0] * 5_000}
    ).append_column("coded", pa.array(words).dictionary_encode())

    found = {
        name: column.autocorrelation
        for name, column in profile(table).columns.items()
        if not isinstance(column, CountedColumn)
    }

    assert found["serial"] == pytest.approx(0.5, abs=0.05)
    assert found["noise"] == pytest.approx(0.0, abs=0.05)
    assert found["words"] == pytest.approx(0.5, abs=0.05)
    assert found["coded"] == found["words"]
    assert found["flat"] == 0.0


@pytest.mark.parametrize("draw", ["normal", "cauchy", "atoms", "integers"])
def test_grid_keeps_every_rank_within_its_stated_error(draw: str) -> None:
    rng = np.random.default_rng(7)
    values = {
        "normal": rng.normal(size=50_000),
        "cauchy": rng.standard_cauchy(50_000),
        "atoms": np.where(rng.random(50_000) < 0.6, 0.0, rng.normal(size=50_000)),
        "integers": rng.integers(0, 20_000, 50_000).astype(float),
    }[draw]

    column = column_of(values)

    assert isinstance(column, NumericColumn)
    probes = np.sort(np.concatenate((values, column.values, [-1e9, 1e9])))
    error = np.searchsorted(np.sort(values), probes, side="right") - column.ranks(probes)
    assert error.min() == 0
    assert error.max() <= column.rank_error <= 50_000 // 4096 + 1
    assert column.values[[0, -1]].tolist() == [values.min(), values.max()]
    assert len(column.values) <= 4_096 + 2 * 64


def test_ten_thousand_rows_and_four_thousand_distinct_values_stay_exact() -> None:
    rng = np.random.default_rng(8)

    small = column_of(rng.normal(size=10_000))
    coarse = column_of(rng.integers(0, 4_096, 100_000).astype(float))

    assert isinstance(small, NumericColumn)
    assert isinstance(coarse, NumericColumn)
    assert (small.rank_error, coarse.rank_error) == (0, 0)
    assert len(small.values) == 10_000


def test_a_million_categories_take_bounded_space() -> None:
    table = pa.table({"id": pa.array(np.arange(1_000_000)).cast(pa.string())})

    summary = profile(table)

    column = summary.columns["id"]
    assert isinstance(column, CategoricalColumn)
    assert len(column.levels) <= 4_096
    assert int(column.counts.sum() + column.tail.sum()) == 1_000_000
    assert len(to_bytes(summary)) < 200_000


def test_long_texts_are_counted_without_being_kept() -> None:
    column = column_of(["short", "x" * 300, "x" * 300])

    assert isinstance(column, CategoricalColumn)
    assert column.levels == ("short",)
    assert sorted(column.tail.tolist())[-2:] == [0, 2]


def test_ten_thousand_columns_are_summarised() -> None:
    names = [f"c{i}" for i in range(10_000)]
    table = pa.Table.from_arrays([pa.array([1.0, 2.0])] * 10_000, names=names)

    assert list(profile(table).columns) == names


def test_only_the_columns_asked_for_are_summarised() -> None:
    table = pa.table({"x": [1], "y": [2], "z": [3]})

    assert list(profile(table, columns=["z", "x"]).columns) == ["z", "x"]


def test_absent_column_is_named_in_the_error() -> None:
    with pytest.raises(ProfileError, match=r"no column 'q'; there are 'x'"):
        profile(pa.table({"x": [1]}), columns=["q"])


def test_double_column_names_are_refused() -> None:
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["x", "x"])

    with pytest.raises(ProfileError, match="found twice: 'x'"):
        profile(table)
