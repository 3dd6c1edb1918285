"""Holm and Benjamini-Hochberg adjustments."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from calmops_flows.detectors.correction import CORRECTIONS, benjamini_hochberg, holm

P_VALUES = st.lists(st.floats(0, 1), max_size=30)


def test_holm_by_hand() -> None:
    # Sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1, then made increasing.
    adjusted = holm(np.array([0.01, 0.04, 0.03, 0.005]))

    assert adjusted.round(6).tolist() == [0.03, 0.06, 0.06, 0.02]


@given(P_VALUES)
def test_benjamini_hochberg_equals_scipy_s(values: list[float]) -> None:
    p_values = np.array(values, dtype=float)

    adjusted = benjamini_hochberg(p_values)

    expected = stats.false_discovery_control(p_values) if values else p_values
    assert np.allclose(adjusted, expected, rtol=1e-12)


@given(P_VALUES)
def test_adjusted_values_keep_order_and_never_fall(values: list[float]) -> None:
    p_values = np.array(values, dtype=float)

    for adjust in CORRECTIONS.values():
        adjusted = adjust(p_values)
        order = np.argsort(p_values, kind="stable")
        assert (adjusted >= p_values - 1e-12).all()
        assert (adjusted <= 1.0).all()
        assert (np.diff(adjusted[order]) >= 0.0).all()


def test_weighted_holm_by_hand() -> None:
    # ratios .01/.5 = .02 and .03/1.5 = .02: the first in order carries the whole weight of 2
    adjusted = holm(np.array([0.01, 0.03]), np.array([0.5, 1.5]))

    assert adjusted == pytest.approx([0.04, 0.04])


def test_weighted_benjamini_hochberg_by_hand() -> None:
    # normalised weights .5 and 1.5: ratios .02 and .02, the larger one times 2 / 2
    adjusted = benjamini_hochberg(np.array([0.01, 0.03]), np.array([1.0, 3.0]))

    assert adjusted == pytest.approx([0.02, 0.02])


def test_equal_weights_are_no_weights() -> None:
    p_values = np.array([0.2, 0.01, 0.03, 0.5])

    for adjust in (holm, benjamini_hochberg):
        assert adjust(p_values, np.full(4, 0.3)) == pytest.approx(adjust(p_values))
