"""Losses of regressors without labels."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from calmops_flows.evaluation.estimation import PerformanceEstimate, estimate_regression

Floats = NDArray[np.float64]


def data(
    rng: np.random.Generator, n: int, *, shift: float = 0.0, scale: float = 1.0
) -> tuple[Floats, Floats, Floats]:
    """Return features, target, prediction; the error grows with the second feature."""
    X = rng.normal(shift, 1, (n, 3))
    noise = scale * (0.4 + 0.5 * np.abs(X[:, 1])) * rng.normal(size=n)
    return X, X[:, 0] + noise, X[:, 0]


def estimate(
    seed: int, *, n: int = 800, shift: float = 0.0, scale: float = 1.0
) -> tuple[PerformanceEstimate, dict[str, float]]:
    rng = np.random.default_rng(seed)
    X, y, said = data(rng, n)
    X_new, y_new, said_new = data(rng, 1500, shift=shift, scale=scale)
    found = estimate_regression(X, y, said, X_new, said_new, rng=rng)
    gaps = np.abs(y_new - said_new)
    mse = float(np.mean(gaps**2))
    return found, {"mae": float(gaps.mean()), "mse": mse, "rmse": float(np.sqrt(mse))}


def test_estimates_hold_under_covariate_shift() -> None:
    within = []
    for seed in range(20):
        found, real = estimate(seed, n=2000, shift=0.6)
        for name, value in real.items():
            bars = found.metrics[name]
            assert bars is not None
            within.append(bars.lower <= value <= bars.upper)

    assert np.mean(within) >= 0.85  # 20 independent cases: standard error .05


def test_shift_to_harder_rows_raises_the_estimate() -> None:
    calm, harder = (estimate(1, shift=shift)[0].metrics["mae"] for shift in (0.0, 1.5))

    assert calm is not None
    assert harder is not None
    assert harder.value > 1.2 * calm.value


def test_estimates_fail_under_concept_drift() -> None:
    found, real = estimate(0, scale=2.0)

    bars = found.metrics["rmse"]
    assert bars is not None
    assert real["rmse"] > bars.upper


def test_fewer_than_200_rows_are_untestable() -> None:
    found, _ = estimate(0, n=150)

    assert found.reason == "needs 200 calibration rows, found 150"


def test_perfect_model_is_estimated_without_error() -> None:
    rng = np.random.default_rng(0)
    X, _, said = data(rng, 300)

    found = estimate_regression(X, said, said, X, said, rng=rng)

    bars = found.metrics["rmse"]
    assert bars is not None
    assert (bars.value, bars.upper) == (0.0, 0.0)


def test_same_seed_gives_the_same_estimate() -> None:
    assert estimate(3)[0] == estimate(3)[0]


@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_predictions_that_are_not_finite_are_untestable(odd: float) -> None:
    rng = np.random.default_rng(0)
    X, y, said = data(rng, 300)
    broken = said.copy()
    broken[0] = odd

    found = estimate_regression(X, y, said, X, broken, rng=rng)

    assert found.reason == "some predictions are not finite"
