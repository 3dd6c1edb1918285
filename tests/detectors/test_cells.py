"""Distances of histograms: values by hand and by scipy, flat null rates, smoothing."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from scipy import stats
from scipy.spatial.distance import jensenshannon

from calmops_flows.detectors import DETECTORS, GTest, Hellinger, JensenShannon
from calmops_flows.detectors.cells import smoothed
from calmops_flows.detectors.kl import kl
from calmops_flows.detectors.psi import psi
from calmops_flows.profiles import Column, profile

NAMES = ("psi", "kl", "jensen_shannon", "hellinger", "tvd", "l_infinity")
A, B = np.array([500, 300, 200]), np.array([250, 400, 350])


def words(counts: NDArray[np.int64]) -> Column:
    names = np.repeat(np.array([f"w{i}" for i in range(len(counts))]), counts)
    return profile(pa.table({"x": names.tolist()})).columns["x"]


def drawn(rng: np.random.Generator, n: int, levels: int) -> Column:
    return words(rng.multinomial(n, np.full(levels, 1 / levels)))


def test_psi_by_hand_of_smoothed_shares() -> None:
    p, q = (A + 0.5) / 1001.5, (B + 0.5) / 1001.5

    assert psi(A, B) == pytest.approx(((p - q) * np.log(p / q)).sum())


def test_kl_is_scipys_entropy_of_smoothed_shares() -> None:
    assert kl(A, B) == pytest.approx(stats.entropy(smoothed(B), smoothed(A)))


def test_jensen_shannon_is_scipys() -> None:
    found = JensenShannon()(words(A), words(B))

    assert found.statistic == pytest.approx(jensenshannon(smoothed(A), smoothed(B)))


def test_hellinger_by_hand() -> None:
    found = Hellinger()(words(A), words(B))

    expected = np.sqrt(1 - np.sqrt(A / 1000 * B / 1000).sum())
    assert found.statistic == pytest.approx(expected)


def test_g_test_statistic_is_scipys_and_its_p_value_is_close() -> None:
    rng = np.random.default_rng(5)
    a, b = rng.multinomial(900, [0.2, 0.3, 0.5]), rng.multinomial(800, [0.23, 0.31, 0.46])

    found = GTest()(words(a), words(b))

    expected = stats.chi2_contingency(np.stack((a, b)), lambda_="log-likelihood", correction=False)
    assert found.statistic == pytest.approx(expected.statistic)
    assert found.p_value == pytest.approx(expected.pvalue, rel=0.15)


def test_an_empty_bin_moves_psi_by_little() -> None:
    # frouros puts the smallest float there, which adds 700 times the share
    assert 0 < psi(np.array([98, 102, 0]), np.array([98, 101, 1])) < 0.02


@pytest.mark.parametrize("name", [*NAMES, "g_test"])
@pytest.mark.parametrize(
    ("n", "m", "levels"), [(200, 200, 5), (1_000, 1_000, 60), (3_000, 200, 12)]
)
def test_null_rate_is_flat_over_sizes_and_levels(name: str, n: int, m: int, levels: int) -> None:
    rng, runs = np.random.default_rng([7, n, m, levels]), 120

    found = [DETECTORS[name](drawn(rng, n, levels), drawn(rng, m, levels)) for _ in range(runs)]

    p_values = np.array([f.p_value for f in found if f is not None], float)
    for level in (0.05, 0.3):
        error = 3.5 * np.sqrt(level * (1 - level) / runs)
        assert abs(np.mean(p_values <= level) - level) <= error


@pytest.mark.parametrize("name", NAMES)
def test_bias_corrected_effect_is_near_zero_without_a_change(name: str) -> None:
    rng = np.random.default_rng(11)

    found = [DETECTORS[name](drawn(rng, 500, 40), drawn(rng, 500, 40)) for _ in range(40)]

    effects = np.array([f.effect_size for f in found if f is not None], float)
    raw = np.array([f.statistic for f in found if f is not None], float)
    assert np.median(effects) <= 0.35 * np.median(raw)


@pytest.mark.parametrize("name", NAMES)
def test_numbers_are_cut_at_pooled_deciles(name: str) -> None:
    rng = np.random.default_rng(13)
    table = {"x": rng.normal(size=2_000)}, {"x": rng.normal(0.5, 1, 2_000)}
    before, after = (profile(pa.table(part)).columns["x"] for part in table)

    found = DETECTORS[name](before, after)

    assert found is not None
    assert found.p_value is not None
    assert found.p_value < 1e-10
