"""Homogeneity chi-square from profiles, against scipy.stats."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from calmops_flows.detectors import ChiSquare
from calmops_flows.detectors.chi_square import pool_rare
from calmops_flows.profiles import CategoricalColumn, profile


def column(counts: Sequence[int]) -> CategoricalColumn:
    words = np.repeat([f"w{i:05}" for i in range(len(counts))], counts).tolist()
    found = profile(pa.table({"x": pa.array(words, pa.string())})).columns["x"]
    assert isinstance(found, CategoricalColumn)
    return found


@pytest.mark.parametrize(
    ("before", "after"),
    [([60, 40], [40, 60]), ([500, 300, 200], [520, 250, 230]), ([900, 80, 60], [190, 0, 10])],
)
def test_frequent_levels_give_scipy_s_statistic(before: list[int], after: list[int]) -> None:
    expected = stats.chi2_contingency([before, after], correction=False)

    found = ChiSquare()(column(before), column(after))

    assert found.statistic == pytest.approx(expected.statistic, rel=1e-12)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9)


def test_rare_levels_are_pooled_by_their_pooled_counts() -> None:
    # 200 and 100 rows: a level needs 15 rows in all to be expected 5 times in each.
    table = np.array([[150, 40, 4, 4, 2], [60, 25, 6, 4, 5]])

    pooled = pool_rare(table)

    assert pooled.tolist() == [[150, 40, 10], [60, 25, 15]]


def test_pooled_rest_that_is_still_rare_joins_the_smallest_level() -> None:
    table = np.array([[150, 45, 5], [60, 35, 5]])

    assert pool_rare(table).tolist() == [[150, 50], [60, 40]]


def test_small_tables_of_two_levels_take_fisher_s_exact_test() -> None:
    expected = stats.fisher_exact([[6, 2], [1, 7]]).pvalue

    found = ChiSquare()(column([6, 2]), column([1, 7]))

    assert found.p_value == pytest.approx(expected, rel=1e-9)
    assert 0.0 < found.p_min < 0.01


def test_many_levels_in_few_rows_compare_the_most_frequent_with_the_rest() -> None:
    expected = stats.fisher_exact([[5, 3], [2, 4]]).pvalue

    found = ChiSquare()(column([5, 1, 1, 1]), column([2, 1, 2, 1]))

    assert found.p_value == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("before", "after"), [([500, 500], [480, 480, 40]), ([480, 480, 40], [500, 500])]
)
def test_unseen_and_vanished_levels_are_found(before: list[int], after: list[int]) -> None:
    found = ChiSquare()(column(before), column(after))

    assert found.p_value is not None
    assert found.p_value < 1e-6
    assert found.effect_size is not None
    assert found.effect_size > 0.01


def test_one_level_in_both_is_unchanged() -> None:
    found = ChiSquare()(column([30]), column([50]))

    assert (found.p_value, found.effect_size, found.p_min) == (1.0, 0.0, 1.0)


def test_order_of_the_samples_does_not_change_the_p_value() -> None:
    a, b = column([50, 30, 20, 3]), column([80, 90, 20, 9])

    assert ChiSquare()(a, b).p_value == pytest.approx(ChiSquare()(b, a).p_value, rel=1e-12)


@pytest.mark.parametrize("n_levels", [5, 80, 500, 1_000_000])
def test_null_rate_and_effect_hold_for_any_number_of_levels(n_levels: int) -> None:
    rng = np.random.default_rng(n_levels)
    chi_square = ChiSquare()
    n, runs = (3_000, 300) if n_levels < 1_000 else (30_000, 40)

    findings = [
        chi_square(_sample(rng, n_levels, n), _sample(rng, n_levels, n)) for _ in range(runs)
    ]

    rate = np.mean([f.p_value is not None and f.p_value <= 0.05 for f in findings])
    effects = [f.effect_size for f in findings if f.effect_size is not None]
    assert rate <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / runs)
    assert np.mean(effects) < 0.01


def test_drift_among_too_many_levels_is_seen_through_the_buckets() -> None:
    rng = np.random.default_rng(31)
    before, after = ([f"w{i}" for i in rng.integers(0, 50_000, 60_000)] for _ in range(2))
    after[::20] = ["popular"] * 3_000
    columns = [profile(pa.table({"x": w})).columns["x"] for w in (before, after)]

    found = ChiSquare()(*columns)

    assert found.p_value is not None
    assert found.p_value < 1e-10
    assert found.effect_size is not None
    assert 0.01 < found.effect_size < 0.06


def _sample(rng: np.random.Generator, n_levels: int, n: int) -> CategoricalColumn:
    levels = (rng.beta(1, 3, n) * n_levels).astype(int)
    found = profile(pa.table({"x": pa.array(levels).cast(pa.string())})).columns["x"]
    assert isinstance(found, CategoricalColumn)
    return found
