"""Limiting laws: published points, simulation, deep tails."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.special import chdtrc

from calmops_flows.detectors.limit_laws import (
    anderson_darling_tail,
    cramer_von_mises_tail,
    gamma_tail,
    kuiper_tail,
    quadratic_form_tail,
)


# D'Agostino and Stephens, Goodness-of-fit techniques, 1986, table 4.2.
@pytest.mark.parametrize(
    ("tail", "x", "p_value"),
    [
        (anderson_darling_tail, 1.248, 0.25),
        (anderson_darling_tail, 1.933, 0.10),
        (anderson_darling_tail, 3.070, 0.025),
        (anderson_darling_tail, 6.000, 0.001),
        (cramer_von_mises_tail, 0.209, 0.25),
        (cramer_von_mises_tail, 0.347, 0.10),
        (cramer_von_mises_tail, 0.581, 0.025),
        (cramer_von_mises_tail, 1.167, 0.001),
        (kuiper_tail, 1.420, 0.25),
        (kuiper_tail, 1.620, 0.10),
        (kuiper_tail, 1.862, 0.025),
    ],
)
def test_published_points(tail: object, x: float, p_value: float) -> None:
    assert callable(tail)
    assert tail(x) == pytest.approx(p_value, rel=0.035)


def test_tails_fall_from_one_to_zero() -> None:
    grid = np.linspace(0.0, 60.0, 2_000)

    for tail in (anderson_darling_tail, cramer_von_mises_tail, kuiper_tail):
        values = np.array([tail(x) for x in grid])
        assert values[0] == 1.0
        assert values[-1] < 1e-12
        assert (np.diff(values) <= 1e-6).all()


def test_deep_anderson_darling_tail_is_that_of_its_largest_term() -> None:
    # P(A > x) tends to sqrt(3) P(Z^2 > 2 x): the product of 1 / sqrt(1 - 2 / (j (j + 1)))
    ratio = anderson_darling_tail(60.0) / (np.sqrt(3.0) * chdtrc(1, 120.0))

    assert ratio == pytest.approx(1.0, rel=0.02)


@pytest.mark.parametrize("x", [0.3, 1.0, 3.0, 8.0])
def test_quadratic_forms_agree_with_simulation(x: float) -> None:
    rng = np.random.default_rng(3)
    weights = np.array([1.0, 0.4, 0.2, 0.05])
    simulated = ((rng.standard_normal((400_000, 4)) ** 2) @ weights > x).mean()

    assert quadratic_form_tail(x, weights) == pytest.approx(simulated, rel=0.06)


def test_one_weight_is_chi_square_and_none_is_certain() -> None:
    assert quadratic_form_tail(5.0, np.array([2.0])) == pytest.approx(stats.chi2.sf(2.5, 1))
    assert quadratic_form_tail(5.0, np.zeros(3)) == 1.0


def test_gamma_tail_is_scipys() -> None:
    assert gamma_tail(3.0, 2.0, 1.5) == pytest.approx(stats.gamma.sf(3.0, 4 / 1.5, scale=1.5 / 2))
