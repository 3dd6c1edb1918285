"""Rank tests and Welch's t test: values of scipy, ties, grids, small samples."""

from __future__ import annotations

import warnings

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from calmops_flows.detectors import (
    DETECTORS,
    AndersonDarling,
    CramerVonMises,
    Finding,
    Kuiper,
    LocationScale,
    MannWhitney,
    Mood,
    WelchT,
)
from calmops_flows.profiles import Column, profile

NAMES = ("location_scale", "mann_whitney", "cramer_von_mises", "anderson_darling", "kuiper", "mood")
SIZES = [(1_000, 700), (400, 5_000)]


def column(values: object) -> Column:
    return profile(pa.table({"x": values})).columns["x"]


def samples(n: int, m: int, *, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rng = np.random.default_rng([seed, n, m])
    return rng.normal(size=n), rng.normal(0.1, 1.1, m)


def found_by(name: str, a: NDArray[np.float64], b: NDArray[np.float64]) -> Finding:
    found = DETECTORS[name](column(a), column(b))
    assert found is not None
    return found


def value(number: float | None) -> float:
    assert number is not None
    return number


@pytest.mark.parametrize(("n", "m"), SIZES)
def test_mann_whitney_agrees_with_scipy(n: int, m: int) -> None:
    a, b = samples(n, m)

    found = MannWhitney()(column(a), column(b))

    expected = stats.mannwhitneyu(b, a, use_continuity=False, method="asymptotic")
    assert found.statistic == pytest.approx(expected.statistic / (n * m))
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-6)


def test_mann_whitney_of_ties_agrees_with_scipy() -> None:
    a, b = (np.rint(2 * x) for x in samples(900, 800))

    found = MannWhitney()(column(a), column(b))

    expected = stats.mannwhitneyu(b, a, use_continuity=False, method="asymptotic")
    assert found.statistic == pytest.approx(expected.statistic / (900 * 800))
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-6)


@pytest.mark.parametrize(("n", "m"), SIZES)
def test_mood_agrees_with_scipy(n: int, m: int) -> None:
    a, b = samples(n, m)

    found = Mood()(column(a), column(b))

    expected = stats.mood(b, a)
    assert found.statistic == pytest.approx(expected.statistic, rel=1e-6)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-6)


@pytest.mark.parametrize(("n", "m"), SIZES)
def test_cramer_von_mises_agrees_with_scipy(n: int, m: int) -> None:
    a, b = samples(n, m)

    found = CramerVonMises()(column(a), column(b))

    expected = stats.cramervonmises_2samp(a, b, method="asymptotic")
    assert found.statistic == pytest.approx(expected.statistic, rel=0.01)
    assert found.p_value == pytest.approx(expected.pvalue, rel=0.03)


@pytest.mark.parametrize("shift", [0.06, 0.1])
def test_anderson_darling_agrees_with_scipy_inside_its_clipped_range(shift: float) -> None:
    rng = np.random.default_rng(17)
    a, b = rng.normal(size=2_000), rng.normal(shift, 1, 2_000)

    found = AndersonDarling()(column(a), column(b))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        expected = stats.anderson_ksamp([a, b])
    deviation = np.sqrt(2 * (np.pi**2 - 9) / 3)
    assert (value(found.statistic) - 1) / deviation == pytest.approx(expected.statistic, abs=0.03)
    clipped = np.clip(value(found.p_value), 0.001, 0.25)
    assert clipped == pytest.approx(expected.pvalue, rel=0.1)


def test_anderson_darling_has_p_values_beyond_the_table() -> None:
    rng = np.random.default_rng(19)
    a, b = rng.normal(size=2_000), rng.normal(0.5, 1, 2_000)

    found = AndersonDarling()(column(a), column(b))

    assert 0.0 < value(found.p_value) < 1e-30


@pytest.mark.parametrize(("n", "m"), SIZES)
def test_welch_agrees_with_scipy(n: int, m: int) -> None:
    a, b = samples(n, m)

    found = WelchT()(column(a), column(b))

    expected = stats.ttest_ind(b, a, equal_var=False)
    assert found.statistic == pytest.approx(expected.statistic)
    assert found.p_value == pytest.approx(expected.pvalue)


def test_welch_keeps_its_level_on_very_skewed_unequal_samples() -> None:
    rng, runs = np.random.default_rng(23), 150

    p_values = [
        value(found_by("welch_t", rng.lognormal(0, 2, 4_000), rng.lognormal(0, 2, 200)).p_value)
        for _ in range(runs)
    ]

    assert np.mean(np.array(p_values) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / runs)


def test_infinite_values_have_no_mean_and_constants_no_error() -> None:
    plain, infinite = column([1.0, 2.0, 3.0, 4.0, 5.0]), column([1.0, 2.0, 3.0, 4.0, np.inf])

    assert WelchT()(plain, infinite).reason == "infinite values in the current data have no mean"
    assert "constant" in (WelchT()(column([1.0] * 9), column([2.0] * 9)).reason or "")


def test_kuiper_sums_the_largest_gap_of_each_sign_by_hand() -> None:
    found = Kuiper()(column([1.0, 4.0, 5.0, 6.0, 9.0]), column([2.0, 3.0, 4.5, 7.0, 8.0]))

    # F - G is .2 after 1, -.2 after 3, and .2 after 6
    assert found.statistic == pytest.approx(0.4)


def test_location_scale_splits_its_error_rate() -> None:
    a, b = (column(x) for x in samples(600, 500))

    both = LocationScale()(a, b)
    parts = value(AndersonDarling()(a, b).p_value), value(Mood()(a, b).p_value)

    assert both.p_value == pytest.approx(min(parts[0] / 0.75, parts[1] / 0.25, 1.0))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("draw", ["binary", "zeros", "integers"])
def test_ties_and_unequal_sizes_keep_the_level(name: str, draw: str) -> None:
    rng, runs = np.random.default_rng([29, len(name), len(draw)]), 120

    def sample(n: int) -> NDArray[np.float64]:
        values = {
            "binary": (rng.random(n) < 0.03).astype(float),
            "zeros": np.where(rng.random(n) < 0.95, 0.0, rng.lognormal(size=n)),
            "integers": rng.integers(0, 4, n).astype(float),
        }
        return values[draw]

    p_values = [value(found_by(name, sample(3_000), sample(150)).p_value) for _ in range(runs)]

    for level in (0.01, 0.05):
        rate = np.mean(np.array(p_values) <= level)
        assert rate <= level + 3 * np.sqrt(level * (1 - level) / runs)


@pytest.mark.parametrize("name", NAMES)
def test_a_grid_is_never_more_significant_than_the_exact_columns(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(31)
    a, b = rng.normal(size=30_000), rng.normal(0.02, 1.02, 20_000)

    grid = found_by(name, a, b)
    monkeypatch.setattr("calmops_flows.profiles.numeric.EXACT_ROWS", 100_000)
    exact = found_by(name, a, b)

    assert value(grid.p_value) >= value(exact.p_value) * 0.999


@pytest.mark.parametrize("name", NAMES)
def test_small_samples_have_permutation_p_values(name: str) -> None:
    rng = np.random.default_rng(37)
    a, b = rng.normal(size=30), rng.normal(0.8, 1.8, 25)
    pooled, found = np.concatenate((a, b)), found_by(name, a, b)

    hits = 0
    for _ in range(400):
        rng.shuffle(pooled)
        other = found_by(name, pooled[:30], pooled[30:])
        hits += value(other.p_value) <= value(found.p_value) + 1e-9

    expected = hits / 400
    assert found.p_value == pytest.approx(expected, abs=4 * np.sqrt(0.05 * 0.95 / 400) + 0.02)


@given(st.lists(st.floats(-1e6, 1e6), min_size=5, max_size=40), st.integers(0, 3))
@settings(max_examples=30, deadline=None)
def test_increasing_maps_leave_rank_p_values_alone(values: list[float], seed: int) -> None:
    rng = np.random.default_rng(seed)
    a = np.round(np.array(values), 3).astype(np.float64)
    b = (rng.choice(a, len(a)) + rng.integers(0, 2, len(a))).astype(np.float64)

    for name in NAMES:
        plain, mapped = found_by(name, a, b), found_by(name, 2.0 * a + 1.0, 2.0 * b + 1.0)
        assert mapped.p_value == pytest.approx(plain.p_value, rel=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_exchanging_the_samples_leaves_the_p_value(name: str) -> None:
    a, b = samples(800, 300, seed=41)

    forward, backward = found_by(name, a, b), found_by(name, b, a)

    assert forward.p_value == pytest.approx(backward.p_value, rel=1e-9)
