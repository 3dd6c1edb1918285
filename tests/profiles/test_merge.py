"""Laws of merging: exact where exact, within the stated error elsewhere."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from calmops_flows.errors import ProfileError
from calmops_flows.profiles import (
    CategoricalColumn,
    CountedColumn,
    NumericColumn,
    Profile,
    bucket_counts,
    merge,
    merge_all,
    profile,
    to_bytes,
)


def without_order(summary: Profile) -> bytes:
    """All but what depends on the order of the rows."""
    columns = {
        name: column if isinstance(column, CountedColumn) else replace(column, autocorrelation=0.0)
        for name, column in summary.columns.items()
    }
    for name, column in columns.items():
        if isinstance(column, NumericColumn):
            columns[name] = replace(column, rising=0.0)
    return to_bytes(replace(summary, columns=columns))


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    rows = draw(st.lists(st.tuples(st.none() | st.floats(), st.none() | st.text(max_size=2))))
    schema = pa.schema({"x": pa.float64(), "w": pa.string()})
    return pa.Table.from_pylist([{"x": x, "w": w} for x, w in rows], schema=schema)


@given(tables(), tables())
@settings(max_examples=60, deadline=None)
def test_merge_equals_the_profile_of_all_rows(a: pa.Table, b: pa.Table) -> None:
    merged = merge(profile(a), profile(b))

    assert without_order(merged) == without_order(profile(pa.concat_tables([a, b])))


@given(tables(), tables(), tables())
@settings(max_examples=60, deadline=None)
def test_exact_merge_is_associative_and_commutative(a: pa.Table, b: pa.Table, c: pa.Table) -> None:
    p, q, r = profile(a), profile(b), profile(c)

    assert to_bytes(merge(p, q)) == to_bytes(merge(q, p))
    assert without_order(merge(merge(p, q), r)) == without_order(merge(p, merge(q, r)))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_merged_grids_keep_their_stated_error_in_every_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    parts = [rng.normal(i, 1 + i, 15_000 + 1_000 * i) for i in range(6)]
    values = np.sort(np.concatenate(parts))
    forward, backward = _merge_all(parts), _merge_all(parts[::-1])

    for merged in (forward, backward):
        column = merged.columns["x"]
        assert isinstance(column, NumericColumn)
        error = np.searchsorted(values, values, side="right") - column.ranks(values)
        assert error.min() >= 0
        assert error.max() <= column.rank_error <= len(values) / 1_500
        assert column.n == len(values)


def test_merging_all_keeps_every_row_within_the_error_it_states_and_states_less() -> None:
    rng = np.random.default_rng(5)
    batches = [rng.normal(i % 3, 1, 20_000) for i in range(40)]
    parts = [profile(pa.table({"x": batch})) for batch in batches]
    values = np.sort(np.concatenate(batches))

    merged = merge_all(iter(parts))

    column, one_by_one = merged.columns["x"], functools.reduce(merge, parts).columns["x"]
    assert isinstance(column, NumericColumn)
    assert isinstance(one_by_one, NumericColumn)
    error = np.searchsorted(values, values, side="right") - column.ranks(values)
    assert 0 <= error.min() <= error.max() <= column.rank_error
    assert column.rank_error < 0.8 * one_by_one.rank_error
    assert merged.n_rows == column.n == len(values)


@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 64, 65, 130])
def test_merging_all_is_exact_and_in_order_for_any_number_of_parts(n: int) -> None:
    tables = [pa.table({"x": [float(i), None], "w": [f"w{i}", "w"]}) for i in range(n)]

    merged = merge_all(profile(table) for table in tables)

    assert without_order(merged) == without_order(profile(pa.concat_tables(tables)))


def test_merging_nothing_or_different_columns_is_refused() -> None:
    with pytest.raises(ProfileError, match="expected at least one profile"):
        merge_all([])
    with pytest.raises(ProfileError, match="columns in only one: 'y'"):
        merge_all([profile(pa.table({"x": [1]})), profile(pa.table({"x": [1], "y": [2]}))])


def test_merged_autocorrelation_is_the_mean_weighted_by_rows() -> None:
    ordered, mixed = np.arange(300.0), np.tile([0.0, 1.0], 50)
    a, b = profile(pa.table({"x": ordered})), profile(pa.table({"x": mixed}))

    column = merge(a, b).columns["x"]

    assert isinstance(column, NumericColumn)
    parts = [part.columns["x"] for part in (a, b)]
    assert [round(part.autocorrelation) for part in parts if isinstance(part, NumericColumn)] == [
        1,
        -1,
    ]
    assert column.autocorrelation == pytest.approx((0.99 * 300 - 0.99 * 100) / 400, abs=0.01)


def test_merge_of_two_grids_is_commutative_to_the_byte() -> None:
    rng = np.random.default_rng(4)
    a, b = (profile(pa.table({"x": rng.normal(size=20_000)})) for _ in range(2))

    assert to_bytes(merge(a, b)) == to_bytes(merge(b, a))


@pytest.mark.parametrize("levels", [500, 30_000])
def test_bucket_counts_do_not_depend_on_how_the_rows_were_split(levels: int) -> None:
    rng = np.random.default_rng(6)
    words = [f"w{i}" for i in rng.integers(0, levels, 60_000)]
    whole = profile(pa.table({"x": words})).columns["x"]
    thirds = [profile(pa.table({"x": words[i::3]})) for i in range(3)]

    merged = merge(merge(thirds[2], thirds[0]), thirds[1]).columns["x"]

    assert isinstance(whole, CategoricalColumn)
    assert isinstance(merged, CategoricalColumn)
    assert np.array_equal(bucket_counts(whole), bucket_counts(merged))
    assert merged.n == whole.n == int(merged.counts.sum() + merged.tail.sum())


def test_null_column_merges_with_any_other() -> None:
    empty = profile(pa.table({"x": pa.nulls(3, pa.float64())}))
    numbers = profile(pa.table({"x": [1.0, None]}))

    for merged in (merge(empty, numbers), merge(numbers, empty)):
        column = merged.columns["x"]
        assert (column.kind, column.n, column.n_missing) == ("numeric", 5, 4)


def test_opaque_columns_of_one_type_merge() -> None:
    lists = profile(pa.table({"x": [[1], None]}))

    column = merge(lists, lists).columns["x"]

    assert (column.kind, column.n, column.n_missing) == ("opaque", 4, 2)


def test_numbers_do_not_merge_with_words() -> None:
    with pytest.raises(ProfileError, match="'x': it is numeric in one, categorical in the other"):
        merge(profile(pa.table({"x": [1]})), profile(pa.table({"x": ["a"]})))


def test_different_columns_do_not_merge() -> None:
    with pytest.raises(ProfileError, match="columns in only one: 'x', 'y'"):
        merge(profile(pa.table({"x": [1]})), profile(pa.table({"y": [1]})))


def _merge_all(parts: list[NDArray[np.float64]]) -> Profile:
    merged = profile(pa.table({"x": parts[0]}))
    for part in parts[1:]:
        merged = merge(merged, profile(pa.table({"x": part})))
    return merged
