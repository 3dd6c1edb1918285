"""Unseen and vanished levels, and the largest residual."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from calmops_flows.detectors import ChiSquare, LargestResidual, UnseenLevels, VanishedLevels
from calmops_flows.profiles import Column, profile


def words(values: object) -> Column:
    return profile(pa.table({"x": pa.array(values).cast(pa.string())})).columns["x"]


def test_one_unseen_level_has_nearly_its_hypergeometric_chance() -> None:
    before, after = ["a"] * 300 + ["b"] * 300, ["a"] * 300 + ["b"] * 292 + ["c"] * 8

    found = UnseenLevels()(words(before), words(after))

    exact = stats.hypergeom.pmf(0, 1_200, 8, 600)
    assert found is not None
    assert found.p_value is not None
    assert exact <= found.p_value <= 1.5 * exact
    assert found.statistic == pytest.approx(8 / 600)


def test_vanished_is_unseen_with_the_samples_exchanged() -> None:
    before, after = words(["a"] * 50 + ["b"] * 50), words(["a"] * 80)

    assert VanishedLevels()(before, after) == UnseenLevels()(after, before)


@pytest.mark.parametrize(("n", "m"), [(500, 500), (2_000, 200)])
def test_levels_that_come_and_go_by_chance_are_no_alarm(n: int, m: int) -> None:
    rng, runs = np.random.default_rng([3, n]), 150
    hits = 0

    for _ in range(runs):
        before, after = (words(np.minimum(rng.zipf(1.3, size), 10_000)) for size in (n, m))
        found = UnseenLevels()(before, after)
        assert found is not None
        hits += found.p_value is not None and found.p_value <= 0.05

    assert hits / runs <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / runs)


def test_new_category_of_one_percent_is_found_above_its_floor() -> None:
    rng, found = np.random.default_rng(5), 0

    for _ in range(60):
        before = words(rng.integers(0, 9, 2_000))
        after = words(np.where(rng.random(2_000) < 0.01, 9, rng.integers(0, 9, 2_000)))
        result = UnseenLevels()(before, after)
        assert result is not None
        assert result.p_value is not None
        assert result.effect_size is not None
        found += result.p_value < 1e-4 and result.effect_size >= UnseenLevels().min_effect

    assert found >= 51


def test_a_few_new_rows_among_a_million_are_below_the_floor() -> None:
    before = profile(pa.table({"x": ["a"] * 1_000_000})).columns["x"]
    after = profile(pa.table({"x": ["a"] * 999_000 + ["b"] * 1_000})).columns["x"]

    found = UnseenLevels()(before, after)

    assert found is not None
    assert found.p_value is not None
    assert found.effect_size is not None
    assert found.p_value < 1e-10
    assert found.effect_size < UnseenLevels().min_effect


def test_largest_residual_is_the_standardised_one_of_a_textbook() -> None:
    before, after = ["a"] * 400 + ["b"] * 300 + ["c"] * 300, ["a"] * 300 + ["b"] * 350 + ["c"] * 350

    found = LargestResidual()(words(before), words(after))

    share = 700 / 2_000
    expected = 0.1 / np.sqrt(share * (1 - share) * (2 / 1_000))
    assert found.statistic == pytest.approx(expected)
    assert found.p_value == pytest.approx(3 * 2 * stats.norm.sf(expected), rel=1e-9)


def test_largest_residual_of_small_counts_is_exact() -> None:
    before, after = ["a"] * 20 + ["b"] * 20, ["a"] * 30 + ["b"] * 10

    found = LargestResidual()(words(before), words(after))

    expected = stats.fisher_exact([[20, 20], [30, 10]]).pvalue
    assert found.p_value == pytest.approx(expected)


def test_one_level_of_two_hundred_beats_chi_square() -> None:
    rng = np.random.default_rng(7)
    shares = np.full(200, 1 / 200)
    moved = shares.copy()
    moved[3] *= 4.0
    before, after = (words(rng.choice(200, 4_000, p=p / p.sum())) for p in (shares, moved))

    residual, square = LargestResidual()(before, after), ChiSquare()(before, after)

    assert residual.p_value is not None
    assert square.p_value is not None
    assert residual.p_value < square.p_value / 10
