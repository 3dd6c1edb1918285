"""Missing-rate test, against scipy.stats."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from calmops_flows.detectors import MissingRate
from calmops_flows.detectors.contingency import fisher_exact
from calmops_flows.profiles import Column, profile


def column(n: int, n_missing: int) -> Column:
    values = np.arange(float(n))
    values[:n_missing] = np.nan
    return profile(pa.table({"x": values})).columns["x"]


@given(st.integers(0, 30), st.integers(1, 30), st.integers(0, 30), st.integers(1, 300))
@settings(max_examples=150, deadline=None)
def test_fisher_s_exact_test_equals_scipy_s(a: int, n: int, b: int, m: int) -> None:
    a, b = min(a, n), min(b, m)

    p_value, p_min = fisher_exact(a, n, b, m)

    assert p_value == pytest.approx(stats.fisher_exact([[a, n - a], [b, m - b]]).pvalue, rel=1e-7)
    assert p_min <= p_value * (1 + 1e-9)


def test_smallest_p_value_is_that_of_the_most_extreme_table() -> None:
    # 4 of 10 rows are missing; all four in one sample of five: 2 * C(5,4) / C(10,4).
    assert fisher_exact(2, 5, 2, 5)[1] == pytest.approx(2 * 5 / 210)


def test_large_counts_take_chi_square_with_continuity() -> None:
    expected = stats.chi2_contingency([[200, 1800], [260, 1740]], correction=True)

    found = MissingRate()(column(2_000, 200), column(2_000, 260))

    assert found is not None
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9)


def test_small_counts_take_fisher_s_exact_test() -> None:
    expected = stats.fisher_exact([[2, 98], [9, 91]]).pvalue

    found = MissingRate()(column(100, 2), column(100, 9))

    assert found is not None
    assert found.p_value == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("counts", [(50, 0, 70, 0), (50, 50, 70, 70), (1_000, 1, 1_000, 0)])
def test_margins_that_make_p_one_certain_leave_the_family(counts: tuple[int, ...]) -> None:
    n, a, m, b = counts

    assert MissingRate()(column(n, a), column(m, b)) is None


def test_infinite_values_are_not_missing() -> None:
    values = profile(pa.table({"x": [np.inf] * 50})).columns["x"]

    assert MissingRate()(values, values) is None


def test_statistic_has_the_sign_of_the_change_and_effect_does_not() -> None:
    more, fewer = column(1_000, 400), column(1_000, 100)

    found = MissingRate()(more, fewer)

    assert found is not None
    assert found.statistic == pytest.approx(-0.3)
    assert found.effect_size == pytest.approx(0.3, abs=0.02)


def test_a_rise_from_two_to_five_percent_is_nearly_always_found() -> None:
    rng = np.random.default_rng(37)
    missing_rate = MissingRate()

    found = [
        missing_rate(
            column(2_000, rng.binomial(2_000, 0.02)), column(2_000, rng.binomial(2_000, 0.05))
        )
        for _ in range(100)
    ]

    hits = [f for f in found if f and f.p_value is not None and f.p_value < 0.05 / 50]
    assert len(hits) >= 85
    assert all(f.effect_size is not None and f.effect_size > 0.01 for f in hits)
