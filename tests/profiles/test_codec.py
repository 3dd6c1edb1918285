"""Profiles as bytes: deterministic, versioned, refused when damaged."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calmops_flows.errors import ProfileError
from calmops_flows.profiles import NumericColumn, column_from_bytes, from_bytes, profile, to_bytes


def mixed() -> pa.Table:
    rng = np.random.default_rng(0)
    n = 20_000
    return pa.table(
        {
            "grid": rng.normal(size=n),
            "few": rng.integers(0, 5, n),
            "words": [f"w{i}" for i in rng.integers(0, 9_000, n)],
            "flag": rng.random(n) < 0.5,
            "day": [dt.date(2013, 1, 1)] * n,
            "nothing": pa.nulls(n),
            "nested": pa.array([[1]] * n),
        }
    )


def test_profile_of_all_kinds_survives_the_round_trip() -> None:
    original = profile(mixed())

    copy = from_bytes(to_bytes(original))

    assert copy.n_rows == original.n_rows
    assert list(copy.columns) == list(original.columns)
    for name, column in original.columns.items():
        other = copy.columns[name]
        assert type(other) is type(column)
        for field in column.__dataclass_fields__:
            assert np.array_equal(getattr(other, field), getattr(column, field)), (name, field)


def test_one_column_is_read_as_it_is_in_the_whole() -> None:
    data = to_bytes(profile(mixed()))

    for name, column in from_bytes(data).columns.items():
        alone = column_from_bytes(data, name)
        assert type(alone) is type(column)
        for field in column.__dataclass_fields__:
            assert np.array_equal(getattr(alone, field), getattr(column, field)), (name, field)
    assert column_from_bytes(data, "not there") is None


def test_one_column_of_damaged_bytes_is_refused() -> None:
    column = NumericColumn("x", "numeric", 5, 0, 0, np.array([1.0]), np.array([3]), 0)
    damaged = to_bytes(type(profile(pa.table({"x": [1.0]})))(5, {"x": column}))

    with pytest.raises(ProfileError, match="'x' is damaged: 3 rows counted, 5 stated"):
        column_from_bytes(damaged, "x")
    with pytest.raises(ProfileError, match="damaged bytes"):
        column_from_bytes(damaged[:100], "x")


@given(
    st.lists(st.none() | st.floats(), max_size=30),
    st.text(st.characters(codec="utf-8"), max_size=5),
)
@settings(max_examples=60, deadline=None)
def test_round_trip_gives_the_same_bytes(values: list[float | None], name: str) -> None:
    data = to_bytes(profile(pa.table({name: pa.array(values, pa.float64())})))

    assert to_bytes(from_bytes(data)) == data


def test_profile_without_columns_or_rows_survives() -> None:
    for table in (pa.table({}), pa.table({"x": pa.array([], pa.float64())})):
        assert from_bytes(to_bytes(profile(table))).n_rows == 0


def test_newer_version_is_refused_with_the_way_out() -> None:
    data = with_head({"format": "calmops-profile", "version": 99, "n_rows": 1})

    with pytest.raises(ProfileError, match=r"format version 99.*upgrade"):
        from_bytes(data)


def test_foreign_arrow_data_is_refused() -> None:
    with pytest.raises(ProfileError, match="expected format 'calmops-profile', found None"):
        from_bytes(with_head({}))


@pytest.mark.parametrize("keep", [0, 3, 200, -60])
def test_truncated_bytes_are_refused(keep: int) -> None:
    data = to_bytes(profile(pa.table({"x": [1.0, 2.0]})))

    with pytest.raises(ProfileError):
        from_bytes(data[:keep])


def test_counts_that_do_not_add_up_are_refused() -> None:
    column = NumericColumn("x", "numeric", 5, 0, 0, np.array([1.0]), np.array([3]), 0)
    damaged = type(profile(pa.table({"x": [1.0]})))(5, {"x": column})

    with pytest.raises(ProfileError, match="'x' is damaged: 3 rows counted, 5 stated"):
        from_bytes(to_bytes(damaged))


def with_head(head: dict[str, object]) -> bytes:
    with pa.ipc.open_stream(to_bytes(profile(pa.table({"x": [1.0]})))) as reader:
        table = reader.read_all()
    schema = table.schema.with_metadata({b"calmops": json.dumps(head).encode()})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_table(table.cast(schema))
    return bytes(sink.getvalue())
