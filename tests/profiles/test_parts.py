"""Long columns are summarised in parts: what they say stays the same."""

from __future__ import annotations

import datetime as dt
import pickle

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calmops_flows.detectors.decision import DriftPolicy, check
from calmops_flows.detectors.identifiers import is_identifier
from calmops_flows.errors import ProfileError
from calmops_flows.profiles import CategoricalColumn, NumericColumn, bucket_counts, profile
from calmops_flows.profiles.parts import Part, split
from tests.profiles.test_merge import without_order
from tests.rows_in_parts import mixed, statistics


@given(st.integers(0, 2**32), st.integers(1, 4), st.floats(0, 1))
@settings(max_examples=25, deadline=None)
def test_statistics_of_parts_equal_those_of_the_whole(
    seed: int, n_parts: int, shift: float
) -> None:
    rng = np.random.default_rng(seed)
    before, after = mixed(rng, 0.0), mixed(rng, shift)
    size = -(-after.num_rows // n_parts)
    reference, whole = profile(before, key="a"), profile(after, key="b")

    parts = profile(after, key="b", part_rows=size)

    assert without_order(parts) == without_order(whole)
    found, expected = (check(reference, one, DriftPolicy()) for one in (parts, whole))
    assert (found.is_drift, found.drifted) == (expected.is_drift, expected.drifted)
    assert statistics(found) == pytest.approx(statistics(expected), rel=1e-9, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("draw", ["normal", "cauchy", "integers"])
@pytest.mark.parametrize("part_rows", [7_000, 20_001, 60_000])
def test_grid_of_parts_keeps_every_rank_within_its_stated_error(draw: str, part_rows: int) -> None:
    rng = np.random.default_rng(9)
    values = {
        "normal": np.sort(rng.normal(size=120_000)),
        "cauchy": rng.standard_cauchy(120_000),
        "integers": rng.integers(0, 50_000, 120_000).astype(float),
    }[draw]

    column = profile(pa.table({"x": values}), part_rows=part_rows).columns["x"]

    assert isinstance(column, NumericColumn)
    probes = np.sort(np.concatenate((values, column.values, [-1e9, 1e9])))
    error = np.searchsorted(np.sort(values), probes, side="right") - column.ranks(probes)
    assert error.min() == 0
    assert error.max() <= column.rank_error <= 120_000 // 2_000
    assert column.values[[0, -1]].tolist() == [values.min(), values.max()]


def test_grid_of_long_parts_states_less_than_one_row_in_7500() -> None:
    n = 3 * 2**18 + 50_000
    table = pa.table({"x": np.random.default_rng(12).normal(size=n)})

    column = profile(table, part_rows=2**18).columns["x"]

    assert isinstance(column, NumericColumn)
    assert 0 < column.rank_error < n / 7_500


def test_many_levels_in_parts_have_the_same_buckets() -> None:
    rng = np.random.default_rng(10)
    table = pa.table({"x": [f"w{i}" for i in rng.zipf(1.2, 60_000) % 30_000]})

    whole, parts = (profile(table, part_rows=size).columns["x"] for size in (60_000, 17_000))

    assert isinstance(whole, CategoricalColumn)
    assert isinstance(parts, CategoricalColumn)
    assert len(whole.tail)
    assert np.array_equal(bucket_counts(whole), bucket_counts(parts))


def test_keys_in_parts_are_still_told_from_features() -> None:
    rng = np.random.default_rng(11)
    table = pa.table(
        {
            "order": np.arange(50_000) * 3 + 7,
            "token": [f"t{i}" for i in range(50_000)],
            "price": rng.normal(size=50_000),
        }
    )

    columns = profile(table, part_rows=20_000).columns

    assert [name for name, column in columns.items() if is_identifier(column)] == ["order", "token"]


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([1.0, 2.0, None, float("nan"), 3.0], pa.float64(), ("numeric", 5, 2)),
        ([None, None, None, None, "a"], pa.string(), ("categorical", 5, 4)),
        ([None, None, [1], None, None], pa.list_(pa.int64()), ("opaque", 5, 4)),
        ([None, None, dt.date(2026, 1, 1), None, None], pa.date32(), ("date", 5, 4)),
        ([None] * 5, pa.string(), ("null", 5, 5)),
        ([], pa.int64(), ("null", 0, 0)),
    ],
)
def test_part_without_any_value_counts_as_missing(
    values: list[object], kind: pa.DataType, expected: tuple[str, int, int]
) -> None:
    table = pa.table({"x": pa.array(values, kind)})

    column = profile(table, part_rows=2).columns["x"]

    assert (column.kind, column.n, column.n_missing) == expected


@pytest.mark.parametrize(
    "column",
    [
        pa.chunked_array([[1.0, None], [float("inf"), 2.0, 5.0]]),
        pa.chunked_array([pa.array(["a", "b", None, "a"]).dictionary_encode()] * 2),
        pa.chunked_array([pa.array(part).dictionary_encode() for part in (["a"], ["b", "c"])]),
        pa.chunked_array([pa.array(["long enough for a view", None, "b"], pa.string_view())]),
        pa.chunked_array(
            [pa.array([dt.datetime(2026, 1, day, tzinfo=dt.UTC) for day in (1, 2, 3)])]
        ),
        pa.chunked_array([pa.nulls(4)]),
        pa.chunked_array([pa.array([[1], None, []])]),
        pa.chunked_array([], pa.bool_()),
    ],
    ids=lambda column: str(column.type)[:20],
)
def test_part_that_travelled_holds_the_same_values(column: pa.ChunkedArray) -> None:
    for part in split("x", column, 2):
        arrived = pickle.loads(pickle.dumps(part))

        assert isinstance(arrived, Part)
        assert arrived.name == "x"
        assert arrived.values.type == column.type
        assert str(arrived.values.to_pylist()) == str(part.values.to_pylist())


def test_part_travels_without_the_rows_of_the_others() -> None:
    parts = split("x", pa.chunked_array([np.arange(100_000.0)]), 1_000)

    assert len(pickle.dumps(parts[50])) < 10_000


def test_parts_without_rows_are_refused() -> None:
    with pytest.raises(ProfileError, match="part_rows must be at least 1, got 0"):
        profile(pa.table({"x": [1]}), part_rows=0)
