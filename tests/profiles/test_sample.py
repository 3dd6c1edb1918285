"""The bounded row sample: one sample, whatever the chunks, parts and merges."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise, permutations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calmops_flows.errors import ProfileError
from calmops_flows.profiles import (
    RowSample,
    from_bytes,
    merge,
    merge_samples,
    profile,
    sample_rows,
    shrink,
    to_bytes,
)
from calmops_flows.profiles.sample import row_hashes
from calmops_flows.profiles.sample_codec import sample_to_bytes


def mixed(n: int, seed: int = 0) -> pa.Table:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    x[rng.random(n) < 0.2] = np.nan
    return pa.table(
        {
            "x": x,
            "whole": rng.integers(0, 9, n),
            "word": pa.array([None if i == 3 else f"w{i}" for i in rng.integers(0, 9, n)]),
            "coded": pa.array([f"c{i}" for i in rng.integers(0, 3, n)]).dictionary_encode(),
            "flag": rng.random(n) < 0.5,
            "day": [dt.date(2013, 1, 1)] * n,
            "wait": pa.array(rng.integers(0, 99, n), pa.duration("s")),
            "nothing": pa.nulls(n),
            "nested": pa.array([[1]] * n),
        }
    )


def same(a: RowSample, b: RowSample) -> bool:
    return sample_to_bytes(a) == sample_to_bytes(b)


def test_sample_holds_the_rows_of_the_smallest_hashes() -> None:
    hashes = row_hashes("f", 0, 3_000)
    smallest = np.argsort(hashes)[:50]

    sample = sample_rows(pa.table({"i": np.arange(3_000)}), "f", size=50)

    assert sample.rows["i"].to_pylist() == smallest.tolist()
    assert np.array_equal(sample.hashes, hashes[smallest])


def test_rows_stay_together_and_keep_their_values() -> None:
    table = mixed(500)

    sample = sample_rows(table, "f", size=40)

    places = np.argsort(row_hashes("f", 0, 500))[:40].tolist()
    assert sample.rows.column_names == ["coded", "flag", "wait", "whole", "word", "x"]
    assert sample.rows["word"].to_pylist() == table["word"].take(places).to_pylist()
    assert sample.rows["coded"].to_pylist() == table["coded"].take(places).to_pylist()
    assert sample.rows["flag"].to_pylist() == [
        str(flag).lower() for flag in table["flag"].take(places).to_pylist()
    ]
    expected = np.array(table["x"].to_pylist(), float)[places]
    assert np.array_equal(sample.rows["x"].to_pylist(), expected, equal_nan=True)


def test_small_batch_is_sampled_whole() -> None:
    assert sample_rows(mixed(7), "f").rows.num_rows == 7


@given(st.lists(st.integers(0, 60), max_size=4), st.integers(0, 3))
@settings(max_examples=40, deadline=None)
def test_chunks_and_parts_do_not_matter(cuts: list[int], seed: int) -> None:
    table = mixed(60, seed)
    bounds = sorted({0, 60, *cuts})
    parts = [table.slice(a, b - a) for a, b in pairwise(bounds)]

    whole = sample_rows(table, "f", size=9)
    chunked = sample_rows(pa.concat_tables(parts), "f", size=9)
    merged = sample_rows(table.slice(0, 0), "f", size=9)
    for part, first_row in zip(parts, bounds, strict=False):
        merged = merge_samples(sample_rows(part, "f", first_row=first_row, size=9), merged)

    assert same(chunked, whole)
    assert same(merged, whole)


def test_every_order_of_merges_gives_the_same_bytes() -> None:
    samples = [sample_rows(mixed(40, seed), f"file {seed}", size=25) for seed in range(3)]

    left = {
        sample_to_bytes(merge_samples(merge_samples(a, b), c)) for a, b, c in permutations(samples)
    }
    right = {
        sample_to_bytes(merge_samples(a, merge_samples(b, c))) for a, b, c in permutations(samples)
    }

    assert len(left | right) == 1


def test_column_without_values_in_one_file_takes_the_type_of_the_other() -> None:
    empty = sample_rows(pa.table({"x": pa.nulls(5), "y": [1.0] * 5}), "a")
    words = sample_rows(pa.table({"x": ["u"] * 5, "y": [2.0] * 5}), "b")

    merged = merge_samples(empty, words)

    assert sorted(merged.rows["x"].to_pylist(), key=str) == [None] * 5 + ["u"] * 5


def test_numbers_and_categories_do_not_merge() -> None:
    numbers = sample_rows(pa.table({"x": [1.0]}), "a")
    words = sample_rows(pa.table({"x": ["u"]}), "b")

    with pytest.raises(ProfileError, match="column 'x' holds numbers and categories"):
        merge_samples(numbers, words)


def test_merging_a_sample_with_itself_changes_nothing() -> None:
    sample = sample_rows(mixed(90), "f", size=30)

    assert same(merge_samples(sample, sample), sample)


def test_shrunk_sample_is_the_one_that_a_smaller_bound_draws() -> None:
    table = mixed(90)

    assert same(shrink(sample_rows(table, "f", size=30), 10), sample_rows(table, "f", size=10))


def test_sample_is_uniform_over_rows_and_differs_between_keys() -> None:
    chosen = [np.argsort(row_hashes(f"file {i}", 0, 1_000))[:100] for i in range(200)]

    tenths = np.bincount(np.concatenate(chosen) // 100)
    overlaps = [len(np.intersect1d(a, b)) for a, b in pairwise(chosen)]

    assert abs(tenths / 20_000 - 0.1).max() < 0.01  # 5 standard errors
    assert abs(np.mean(overlaps) - 10.0) < 1.1


def test_hashes_have_no_order_left_of_the_row_numbers() -> None:
    hashes = row_hashes("f", 0, 10_000).astype(float)

    for lag in (1, 2, 64):
        assert abs(np.corrcoef(hashes[:-lag], hashes[lag:])[0, 1]) < 0.05


def test_large_batch_is_sampled_as_its_parts_are() -> None:
    table = pa.table({"i": np.arange(1_200_000)})

    halves = [sample_rows(table.slice(a, 600_000), "f", first_row=a) for a in (0, 600_000)]

    assert same(sample_rows(table, "f"), merge_samples(*halves))


def test_long_texts_are_kept_as_digests() -> None:
    sample = sample_rows(pa.table({"text": ["short", "long" * 1_000, None]}), "f")

    kept = {str(text)[:7] for text in sample.rows["text"].to_pylist()}
    assert kept == {"short", "sha256:", "None"}


def test_profile_takes_no_sample_without_a_key() -> None:
    assert profile(mixed(20)).sample is None


def test_profile_samples_only_the_columns_asked_for() -> None:
    sample = profile(mixed(20), columns=["x", "word"], key="f").sample

    assert sample is not None
    assert sample.rows.column_names == ["word", "x"]


def test_profiles_merge_their_samples() -> None:
    table = mixed(100)
    parts = [profile(table.slice(a, 50), key="f", first_row=a) for a in (0, 50)]

    merged = merge(*parts).sample

    assert merged is not None
    assert same(merged, sample_rows(table, "f"))
    assert merge(parts[0], profile(table)).sample is None


def test_sample_survives_the_round_trip_of_its_profile() -> None:
    original = profile(mixed(3_000), key="f")
    data = to_bytes(original)

    copy = from_bytes(data)

    assert original.sample is not None
    assert copy.sample is not None
    assert same(copy.sample, original.sample)
    assert to_bytes(copy) == data


def test_sample_of_no_rows_survives() -> None:
    copy = from_bytes(to_bytes(profile(pa.table({"x": pa.array([], pa.float64())}), key="f")))

    assert copy.sample is not None
    assert copy.sample.rows.num_columns == 0


@pytest.mark.parametrize("keep", [-1, -60, -400])
def test_truncated_sample_is_refused(keep: int) -> None:
    data = to_bytes(profile(mixed(300), key="f"))

    with pytest.raises(ProfileError):
        from_bytes(data[:keep])
