"""Wasserstein and energy distances: values of scipy, calibrated p-values."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from calmops_flows.detectors import Energy, Wasserstein
from calmops_flows.profiles import Column, profile

BOTH = pytest.mark.parametrize("detector", [Wasserstein(), Energy()], ids=["wasserstein", "energy"])


def column(values: object) -> Column:
    return profile(pa.table({"x": values})).columns["x"]


def test_wasserstein_is_scipys_in_reference_deviations() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(0, 3, 700), rng.normal(1, 4, 500)

    found = Wasserstein()(column(a), column(b))

    assert found.statistic == pytest.approx(stats.wasserstein_distance(a, b) / a.std())


def test_energy_is_scipys_of_standardised_values() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(0, 3, 700), rng.normal(1, 4, 500)

    found = Energy()(column(a), column(b))

    assert found.statistic == pytest.approx(stats.energy_distance(a / a.std(), b / a.std()))


@BOTH
@pytest.mark.parametrize("draw", ["normal", "cauchy", "integers"])
def test_p_values_are_flat_without_a_change(detector: Wasserstein | Energy, draw: str) -> None:
    rng, runs = np.random.default_rng([3, len(draw)]), 150

    def sample(n: int) -> Column:
        if draw == "integers":
            return column(rng.poisson(2.0, n).astype(float))
        return column(rng.standard_normal(n) if draw == "normal" else rng.standard_cauchy(n))

    findings = [detector(sample(600), sample(300)) for _ in range(runs)]

    p_values = np.array([found.p_value for found in findings], np.float64)
    for level in (0.05, 0.25, 0.5):
        error = 3.5 * np.sqrt(level * (1 - level) / runs)
        assert abs(np.mean(p_values <= level) - level) <= error + 0.02


@BOTH
def test_infinite_values_and_huge_ones_give_finite_numbers(detector: Wasserstein | Energy) -> None:
    a = np.concatenate((np.arange(50.0), [np.inf, -np.inf, 1e308]))

    found = detector(column(a), column(np.arange(60.0)))

    numbers = (found.statistic, found.p_value, found.effect_size)
    assert all(number is not None and np.isfinite(number) for number in numbers)
