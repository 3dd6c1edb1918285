"""Two-sided tests of linear rank statistics, with any ties."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

from calmops_flows.detectors.contingency import fisher_exact
from calmops_flows.detectors.paired import Paired, dot

if TYPE_CHECKING:
    from numpy.typing import NDArray

_REFINE_BELOW = 0.2
_DOMINANT = 0.15
_STEPS = 60
_TOLERANCE = 1e-9


def score_test(both: Paired, scores: NDArray[np.float64], variation: float) -> tuple[float, float]:
    """Test the mean scores of two samples against their permutation law [1]_.

    Normal in the bulk; where single rows weigh much (small or very unequal
    samples, rare values) the tail is the saddlepoint approximation of the
    permutation law; two distinct values are Fisher's exact test.

    Parameters
    ----------
    both : Paired
        Two columns.
    scores : ndarray of shape (n_points,)
        Score of each point's rows, a function of the pooled ranks.
    variation : float
        Total variation of the scores over the ranks, by which rank errors act.

    Returns
    -------
    z : float
        Standardised difference, current less reference, less its uncertain part.
    p_value : float
        Two-sided.

    References
    ----------
    .. [1] J. G. Booth and R. W. Butler, Randomization distributions and
       saddlepoint approximations in generalized linear models, Biometrika 77,
       1990, 787-796.
    """
    centred, variance = _centred(both, scores)
    if variance <= 0.0:
        return 0.0, 1.0
    n, m = int(both.reference.sum()), int(both.current.sum())
    gap = dot(centred, both.current) / m - dot(centred, both.reference) / n
    certain = max(abs(gap) - variation * both.slack, 0.0)
    z = math.copysign(certain / math.sqrt(variance * (1.0 / both.n + 1.0 / both.m)), gap)
    p_value = min(1.0, 2.0 * float(ndtr(-abs(z))))
    is_dependent = n + m > (both.n + both.m) * (1.0 + _TOLERANCE)
    if is_dependent or both.slack:
        return z, p_value
    if len(both.points) == 2:
        return z, fisher_exact(int(both.reference[0]), n, int(both.current[0]), m)[0]
    if p_value < _REFINE_BELOW and is_dominated(both, scores):
        p_value = permutation_p_value(both, scores)
    return z, p_value


def is_dominated(both: Paired, scores: NDArray[np.float64], *, share: float = _DOMINANT) -> bool:
    """Tell whether single rows weigh so much that the normal law does not hold.

    Parameters
    ----------
    both : Paired
        Two columns.
    scores : ndarray of shape (n_points,)
        Score of each point's rows, not all equal.
    share : float, default 0.15
        Share of the sum's deviation that one row may have.

    Returns
    -------
    bool
        Whether the largest score is over that share.
    """
    centred, variance = _centred(both, scores)
    return float(np.abs(centred).max()) > share * math.sqrt(variance * both.scale)


def permutation_p_value(both: Paired, scores: NDArray[np.float64]) -> float:
    """Return the two-sided saddlepoint p-value of the summed scores.

    Parameters
    ----------
    both : Paired
        Two columns.
    scores : ndarray of shape (n_points,)
        Score of each point's rows, not all equal.

    Returns
    -------
    float
        Twice the smaller tail, which is valid for skewed permutation laws.
    """
    centred, _ = _centred(both, scores)
    counts = (both.reference + both.current).astype(np.float64)
    total = dot(centred, both.current)
    side = math.copysign(1.0, total)
    m = int(both.current.sum())
    return min(1.0, 2.0 * permutation_tail(side * centred, counts, m, abs(total)))


def _centred(both: Paired, scores: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Return the scores less their pooled mean, and their variance."""
    counts = both.reference + both.current
    total = float(counts.sum())
    centred = scores - dot(scores, counts) / total
    return centred, dot(centred**2, counts) / (total - 1.0)


def permutation_tail(
    scores: NDArray[np.float64], counts: NDArray[np.float64], m: int, total: float
) -> float:
    """Return the chance that ``m`` rows drawn without replacement sum to ``total`` or more.

    Parameters
    ----------
    scores : ndarray of shape (n_points,)
        Distinct scores with mean 0 over the rows.
    counts : ndarray of shape (n_points,)
        Rows of each score.
    m : int
        Rows drawn.
    total : float
        Sum of the drawn scores, positive.

    Returns
    -------
    float
        Double saddlepoint approximation (Skovgaard).

    Examples
    --------
    >>> import numpy as np
    >>> ranks = np.arange(20.0) - 9.5
    >>> round(permutation_tail(ranks, np.ones(20), 10, 35.0), 4)
    0.003
    """
    size = counts.sum()
    share = m / size
    solved = _solve(scores, counts, m, total)
    if solved is None:
        return math.exp(-_log_choose(size, m))
    a, b = solved
    drawn = share * np.exp(np.minimum(a + b * scores, 700.0))
    drawn /= 1.0 - share + drawn
    exponent = a + b * scores
    cumulant = float(counts @ np.logaddexp(math.log1p(-share), math.log(share) + exponent))
    w = math.sqrt(max(2.0 * (a * m + b * total - cumulant), 0.0))
    spread = counts * drawn * (1.0 - drawn)
    curvature = spread.sum() * (spread @ scores**2) - (spread @ scores) ** 2
    v = b * math.sqrt(max(curvature, 0.0) / (size * share * (1.0 - share)))
    if w < 0.05 or v <= 0.0:
        return float(ndtr(-w))
    return float(min(1.0, max(0.0, ndtr(-w) + _density(w) * (1.0 / v - 1.0 / w))))


def _solve(
    scores: NDArray[np.float64], counts: NDArray[np.float64], m: int, total: float
) -> tuple[float, float] | None:
    """Find the tilt whose expected size and sum are those drawn; None at the extreme."""
    share = m / counts.sum()
    unit = float(np.abs(scores).max())
    x, target = scores / unit, np.array([m, total / unit])
    a = b = 0.0
    for _ in range(_STEPS):
        drawn = share * np.exp(np.clip(a + b * x, -500.0, 500.0))
        drawn /= 1.0 - share + drawn
        rows = counts * drawn
        miss = target - np.array([rows.sum(), rows @ x])
        if np.abs(miss).max() < 1e-8 * max(m, 1):
            return a, b / unit
        spread = rows * (1.0 - drawn)
        aa, ab, bb = spread.sum(), spread @ x, spread @ x**2
        determinant = aa * bb - ab * ab
        if determinant <= 1e-300:
            return None
        step_a = (bb * miss[0] - ab * miss[1]) / determinant
        step_b = (aa * miss[1] - ab * miss[0]) / determinant
        damping = min(1.0, 2.0 / max(abs(step_a), abs(step_b), 1e-300))
        a, b = a + damping * step_a, b + damping * step_b
    return None


def _density(w: float) -> float:
    return math.exp(-w * w / 2.0) / math.sqrt(2.0 * math.pi)


def _log_choose(n: float, k: float) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
