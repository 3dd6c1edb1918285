"""Permutation p-values of small samples, from paths that are drawn once per size."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from calmops_flows.detectors.paired import Paired

MAX_ROWS = 400
SMALL = 100
N_PATHS = 1_999
_REFINE_BELOW = 0.05
_RESOLVED = 20
_RELATIVE_TIE = 1e-9


def refined(
    both: Paired,
    statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    p_value: float,
) -> float:
    """Replace a limiting p-value of small samples by their permutation one.

    Parameters
    ----------
    both : Paired
        Two columns.
    statistic : callable
        Maps gaps of shape (..., n_points) to values of shape (...); a large
        value speaks for a change.
    p_value : float
        From the limiting law.

    Returns
    -------
    float
        From ``N_PATHS`` permutations where one of two small samples has under
        ``SMALL`` rows. What is too rare for their number keeps the limiting law's
        value, which errs on the safe side there: rank statistics are bounded.
    """
    n, m = int(both.reference.sum()), int(both.current.sum())
    is_small = min(n, m) < SMALL and n + m <= MAX_ROWS
    is_plain = not both.slack and both.n == n and both.m == m
    if p_value >= _REFINE_BELOW or not is_small or not is_plain:
        return p_value
    ends = np.cumsum(both.reference + both.current)
    drawn = _paths(n, m)[:, ends]
    gaps = (ends - drawn) / n - drawn / m
    observed = float(statistic(both.gaps)) * (1.0 - _RELATIVE_TIE)
    hits = int((statistic(gaps) >= observed).sum())
    by_paths = (hits + 1) / (N_PATHS + 1)
    return by_paths if hits >= _RESOLVED else min(by_paths, max(p_value, both.p_min))


@lru_cache(maxsize=4)
def _paths(n: int, m: int) -> NDArray[np.int16]:
    """Return how many current rows lie among the first k, for k from 0 to n + m."""
    rng = np.random.default_rng([n, m])
    rows = np.repeat(np.array([[0, 1]], np.int8), [n, m], axis=1)
    shuffled = rng.permuted(np.broadcast_to(rows, (N_PATHS, n + m)), axis=1)
    paths = np.zeros((N_PATHS, n + m + 1), np.int16)
    np.cumsum(shuffled, axis=1, dtype=np.int16, out=paths[:, 1:])
    return paths
