"""Kolmogorov-Smirnov from profiles, against scipy.stats and values by hand."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from scipy import stats

from calmops_flows.detectors import KolmogorovSmirnov
from calmops_flows.detectors.ks import ks_distance, ks_p_value
from calmops_flows.detectors.shift import standardised_shift
from calmops_flows.profiles import NumericColumn, profile


def column(values: NDArray[np.float64] | NDArray[np.int64] | list[float]) -> NumericColumn:
    found = profile(pa.table({"x": np.asarray(values, float)})).columns["x"]
    assert isinstance(found, NumericColumn)
    return found


@pytest.mark.parametrize(("n", "m"), [(5, 5), (7, 30), (30, 7), (100, 100), (5, 2000)])
@pytest.mark.parametrize("shift", [0.0, 0.7, 5.0])
def test_small_samples_have_the_exact_p_value_of_scipy(n: int, m: int, shift: float) -> None:
    rng = np.random.default_rng(n + m)
    a, b = rng.normal(size=n), rng.normal(shift, 1, size=m)
    expected = stats.ks_2samp(a, b, method="exact")

    found = KolmogorovSmirnov()(column(a), column(b))

    assert found.statistic == pytest.approx(expected.statistic, abs=1e-12)
    assert found.p_value == pytest.approx(expected.pvalue, abs=1e-12)


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.3])
def test_larger_samples_have_the_limiting_p_value(shift: float) -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=2_000), rng.normal(shift, 1, size=3_000)
    distance = stats.ks_2samp(a, b, method="asymp").statistic
    # scipy's "asymp" is the one-sample law at a rounded n; the two-sample limit is this.
    expected = stats.kstwobign.sf(np.sqrt(2_000 * 3_000 / 5_000) * distance)

    found = KolmogorovSmirnov()(column(a), column(b))

    assert found.statistic == pytest.approx(distance, abs=1e-12)
    assert found.p_value == pytest.approx(expected, rel=1e-9)


def test_exact_p_value_by_hand() -> None:
    # Of the 20 orders of three and three values, 2 separate them fully.
    assert ks_p_value(1.0, 3, 3) == pytest.approx(0.1)
    assert ks_p_value(0.0, 3, 3) == 1.0


def test_p_value_is_symmetric_in_the_samples() -> None:
    rng = np.random.default_rng(9)
    a, b = column(rng.normal(size=60)), column(rng.normal(0.4, 1, size=90))

    forward, backward = KolmogorovSmirnov()(a, b), KolmogorovSmirnov()(b, a)

    assert forward.p_value == pytest.approx(backward.p_value, rel=1e-9)


@pytest.mark.parametrize("n", [40, 400])
def test_ties_err_on_the_safe_side(n: int) -> None:
    rng = np.random.default_rng(11)
    ks = KolmogorovSmirnov()

    p_values = [
        ks(column(rng.integers(0, 3, n)), column(rng.integers(0, 3, n))).p_value for _ in range(400)
    ]

    assert np.mean([p is not None and p <= 0.05 for p in p_values]) <= 0.05


@pytest.mark.parametrize("sizes", [(50_000, 50_000), (200_000, 3_000)])
def test_grids_never_overstate_the_distance(sizes: tuple[int, int]) -> None:
    rng = np.random.default_rng(13)
    a, b = rng.normal(size=sizes[0]), rng.normal(0.02, 1.05, size=sizes[1])
    exact = stats.ks_2samp(a, b, method="asymp").statistic

    found = ks_distance(column(a), column(b))

    assert exact - 2 / 4096 <= found <= exact + 1e-12


def test_infinite_values_take_part_as_extremes() -> None:
    rng = np.random.default_rng(17)
    a, b = rng.normal(size=200), rng.normal(size=200)
    b[:60] = np.inf

    found = KolmogorovSmirnov()(column(a), column(b))

    assert found.statistic == pytest.approx(stats.ks_2samp(a, b, method="asymp").statistic)
    assert found.effect_size is not None
    assert 0.3 < found.effect_size < 2.0


def test_equal_constants_are_unchanged_and_different_ones_are_not() -> None:
    ks = KolmogorovSmirnov()

    same, other = (
        ks(column([5.0] * 50), column([5.0] * 40)),
        ks(column([5.0] * 50), column([6.0] * 40)),
    )

    assert (same.p_value, same.effect_size, same.p_min) == (1.0, 0.0, 1.0)
    assert other.p_value is not None
    assert other.p_value < 1e-10
    assert other.effect_size is not None
    assert other.effect_size > 1.0


@pytest.mark.parametrize("n", [1_000, 50_000])
def test_shift_is_the_scaled_wasserstein_distance_less_chance(n: int) -> None:
    rng = np.random.default_rng(19)
    a, b = rng.gamma(2.0, 3.0, n), rng.gamma(2.0, 3.0, n) + 2.0
    scaled = stats.wasserstein_distance(a, b) / a.std()

    found = standardised_shift(column(a), column(b))

    assert scaled - 3.0 / np.sqrt(n) < found < scaled


@pytest.mark.parametrize("draw", ["normal", "standard_cauchy", "lognormal"])
@pytest.mark.parametrize(("n", "m"), [(300, 300), (40_000, 5_000)])
def test_shift_stays_near_nothing_without_a_change(draw: str, n: int, m: int) -> None:
    rng = np.random.default_rng(23)

    shifts = [
        standardised_shift(column(getattr(rng, draw)(size=n)), column(getattr(rng, draw)(size=m)))
        for _ in range(40)
    ]

    assert np.median(shifts) <= 2.0 / np.sqrt(min(n, m))


@pytest.mark.parametrize("factor", [1e-300, 1.0, 1e300])
def test_shift_does_not_depend_on_the_unit(factor: float) -> None:
    rng = np.random.default_rng(29)
    a, b = rng.normal(size=500), rng.normal(1, 1, size=500)

    found = standardised_shift(column(a * factor), column(b * factor))

    assert found == pytest.approx(standardised_shift(column(a), column(b)), rel=1e-6)
