"""Fisher's exact test and chance differences of shares, without scipy.stats."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaln

if TYPE_CHECKING:
    from numpy.typing import NDArray

_RELATIVE_TIE = 1e-7


def fisher_exact(a: int, n: int, b: int, m: int) -> tuple[float, float]:
    """Test whether two shares are equal, exactly and two-sided [1]_.

    The p-value sums the probabilities of all tables with the same margins that
    are no more likely than the one observed.

    Parameters
    ----------
    a, b : int
        Rows of the two samples that have the property.
    n, m : int
        Sizes of the two samples, positive.

    Returns
    -------
    p_value : float
        Chance of a table this unlikely.
    p_min : float
        Smallest p-value that the margins allow.

    References
    ----------
    .. [1] A. Agresti, Categorical Data Analysis, 3rd ed., 2013, section 3.5.

    Examples
    --------
    The tea tasting of Fisher, three of four cups right:

    >>> p_value, p_min = fisher_exact(3, 4, 1, 4)
    >>> round(p_value, 4), round(p_min, 4)
    (0.4857, 0.0286)
    """
    total = a + b
    cells = np.arange(max(0, total - m), min(n, total) + 1, dtype=np.float64)
    log_odds = _log_choose(n, cells) + _log_choose(m, total - cells)
    chances = np.exp(log_odds - log_odds.max())
    chances /= chances.sum()
    here = chances[a - int(cells[0])]
    p_value = chances[chances <= here * (1 + _RELATIVE_TIE)].sum()
    p_min = chances[chances <= chances.min() * (1 + _RELATIVE_TIE)].sum()
    return min(1.0, float(p_value)), min(1.0, float(p_min))


def chance_difference(share: NDArray[np.float64], n: float, m: float) -> NDArray[np.float64]:
    """Return the mean absolute difference of two equal shares by chance.

    Parameters
    ----------
    share : ndarray of shape (n_shares,)
        Pooled shares, in [0, 1].
    n, m : float
        Sizes of the two samples.

    Returns
    -------
    ndarray of shape (n_shares,)
        Normal approximation, ``sqrt(2 / pi)`` standard errors.
    """
    variance = np.clip(share * (1.0 - share), 0.0, None) * (1.0 / n + 1.0 / m)
    expected: NDArray[np.float64] = math.sqrt(2.0 / math.pi) * np.sqrt(variance)
    return expected


def _log_choose(n: int, k: NDArray[np.float64]) -> NDArray[np.float64]:
    out: NDArray[np.float64] = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return out
