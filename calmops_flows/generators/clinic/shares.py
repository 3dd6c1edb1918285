"""Shares that sum to 1, and chances with a wanted mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit

from calmops_flows.errors import SpecError

if TYPE_CHECKING:
    from numpy.typing import NDArray

SLACK = 1e-6
LARGEST = 700.0


def check_shares(shares: Mapping[str, float], what: str) -> None:
    """Raise SpecError if shares are negative or do not sum to 1."""
    if not shares or min(shares.values()) < 0:
        raise SpecError(f"{what} must be given, and none negative")
    total = sum(shares.values())
    if abs(total - 1.0) > SLACK:
        raise SpecError(f"{what} must sum to 1, and sum to {total:g}")


def pick(u: NDArray[np.float64], shares: Sequence[float] | NDArray[np.float64]) -> NDArray[Any]:
    """Return for each uniform number the place among shares.

    Parameters
    ----------
    u : ndarray of shape (n,)
        Between 0 and 1.
    shares : sequence of shape (k,), or ndarray of shape (n, k)
        Relative frequencies, for all or by row.

    Returns
    -------
    ndarray of shape (n,)
        Numbers from 0 to k - 1.
    """
    weights = np.atleast_2d(np.asarray(shares, dtype=float))
    edges = np.cumsum(weights, axis=1) / weights.sum(axis=1, keepdims=True)
    return np.asarray((u[:, None] >= edges[:, :-1]).sum(axis=1))


def chances(scores: NDArray[np.float64], prevalence: float | None) -> NDArray[np.float64]:
    """Return the probabilities of log-odds, moved so that their mean is a prevalence.

    Parameters
    ----------
    scores : ndarray of shape (n,)
        Log-odds.
    prevalence : float or None
        Wanted mean; None leaves the log-odds as they are.

    Returns
    -------
    ndarray of shape (n,)
        Probabilities.

    Raises
    ------
    SpecError
        If a score is not a finite number.

    Examples
    --------
    >>> chances(np.array([-1.0, 0.0, 1.0]), 0.5)
    array([0.26894142, 0.5       , 0.73105858])
    """
    if not np.isfinite(scores).all():
        raise SpecError("a formula of log-odds gives values that are not finite; mend its domain")
    if prevalence is None or not len(scores):
        return np.asarray(expit(scores))
    if prevalence in (0.0, 1.0):
        return np.full(len(scores), prevalence)
    low, high = -LARGEST - float(scores.max()), LARGEST - float(scores.min())
    for _ in range(200):
        middle = (low + high) / 2.0
        if expit(scores + middle).mean() < prevalence:
            low = middle
        else:
            high = middle
    return np.asarray(expit(scores + (low + high) / 2.0))
