from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import lfilter

from calmops_flows.evaluation.serial import block_length, block_sums, block_times


@pytest.mark.parametrize("rho", [0.5, 0.9])
def test_block_length_of_an_autoregression_is_near_its_best(rho: float) -> None:
    n = 20_000
    noise = np.random.default_rng(3).normal(size=n)
    series = lfilter([1.0], [1.0, -rho], noise)

    found = block_length(np.asarray(series))

    # (2 G^2 / D)^(1/3) n^(1/3) of Politis and White (2004) with G = 2 rho / (1 - rho)^2 times the
    # variance, the density (1 + rho) / (1 - rho) times it, and D = 4/3 of the density's square
    best = (1.5 * (2 * rho / (1 - rho**2)) ** 2 * n) ** (1 / 3)
    assert 0.75 * best < found < 1.33 * best


@pytest.mark.parametrize("series", [np.zeros(50), np.ones(50), np.arange(5.0), np.empty(0)])
def test_series_without_variation_or_length_has_blocks_of_one(series: NDArray[np.float64]) -> None:
    assert block_length(series) == 1


def test_blocks_go_round_the_circle() -> None:
    times = block_times(10, 4, np.random.default_rng(0), 500)

    steps = np.diff(times, axis=1) % 10
    assert times.shape == (500, 10)
    assert (steps[:, [0, 1, 2, 4, 5, 6, 8]] == 1).all()
    assert abs(np.bincount(times.ravel()) / 5000 - 0.1).max() < 0.02


def test_block_sums_are_those_of_the_circle() -> None:
    assert block_sums(np.array([1.0, 2.0, 4.0, 8.0]), 3).tolist() == [7.0, 14.0, 13.0, 11.0]
