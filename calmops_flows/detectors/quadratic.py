"""Weighted integrals of the squared gap, their rank errors and their null law under ties."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from calmops_flows.detectors.limit_laws import quadratic_form_tail
from calmops_flows.detectors.paired import Paired, bridge_nodes
from calmops_flows.detectors.permutation import refined

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Weight = Callable[[NDArray[np.float64]], NDArray[np.float64]]

MAX_TIED_POINTS = 64


def anderson_darling_weight(ranks: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``1 / (h (1 - h))``."""
    weight: NDArray[np.float64] = 1.0 / (ranks * (1.0 - ranks))
    return weight


def flat_weight(ranks: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return one."""
    return np.ones_like(ranks)


def quadratic_statistic(
    both: Paired,
    gaps: NDArray[np.float64],
    weight: Weight,
) -> NDArray[np.float64]:
    """Integrate the weighted squared gap over the pooled ranks.

    Parameters
    ----------
    both : Paired
        Two columns.
    gaps : ndarray of shape (..., n_points)
        Gaps at the points.
    weight : callable
        Weight as a function of the pooled rank.

    Returns
    -------
    ndarray of shape (...)
        Integral times the effective sample size.
    """
    ranks, values, widths = bridge_nodes(both, gaps)
    density = (weight(ranks) * widths).ravel()
    squares = (values**2).reshape(*gaps.shape[:-1], -1)
    integral: NDArray[np.float64] = both.scale * np.einsum("...i,i->...", squares, density)
    return integral


def quadratic_test(
    both: Paired,
    weight: Weight,
    tail: Callable[[float], float],
) -> tuple[float, float]:
    """Test with a weighted squared gap.

    Parameters
    ----------
    both : Paired
        Two columns.
    weight : callable
        Weight as a function of the pooled rank.
    tail : callable
        Upper tail of the limiting law without ties.

    Returns
    -------
    statistic : float
        What is certain of it, given the rank errors.
    p_value : float
        By the limiting law; by its law under ties where there are at most
        ``MAX_TIED_POINTS`` points (with more, ties make the law without ties safe);
        by permutation in small samples.
    """
    statistic = float(quadratic_statistic(both, both.gaps, weight))
    if both.slack:
        spread = math.sqrt(both.scale * _weighted_error(both.slack, weight))
        statistic = max(math.sqrt(statistic) - spread, 0.0) ** 2
    p_value = tail(statistic)
    if len(both.points) <= MAX_TIED_POINTS and both.has_ties and p_value < 1.0:
        p_value = min(p_value, quadratic_form_tail(statistic, tied_weights(both, weight)))
    return statistic, refined(both, lambda g: quadratic_statistic(both, g, weight), p_value)


def tied_weights(both: Paired, weight: Weight) -> NDArray[np.float64]:
    """Return the eigenvalues of the integral on the Brownian bridge at the points.

    Parameters
    ----------
    both : Paired
        Two columns of few points.
    weight : callable
        Weight as a function of the pooled rank.

    Returns
    -------
    ndarray of shape (n_points - 1,)
        Weights of the chi-square variables whose sum is the limit.
    """
    size = len(both.points) - 1
    ranks, values, widths = bridge_nodes(both, np.eye(size + 1)[:size])
    density = (weight(ranks) * widths).ravel()
    flat = values.reshape(size, -1)
    h = both.pooled[:-1]
    covariance = np.minimum.outer(h, h) - np.outer(h, h)
    root = np.linalg.cholesky(covariance + 1e-14 * np.eye(size))
    form = root.T @ (flat * density) @ flat.T @ root
    return np.linalg.eigvalsh(form).clip(min=0.0)


def _weighted_error(slack: float, weight: Weight) -> float:
    """Integrate the squared error, which in the tails is no larger than the rank."""
    ranks = np.geomspace(slack / 1e3, 0.5, 64)
    errors = np.minimum(slack, ranks) ** 2 * weight(ranks)
    return float(2.0 * np.trapezoid(errors, ranks))
