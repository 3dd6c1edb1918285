"""Permutation null shared by the tests: valid at every level, cheap when nothing is there."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from calmops_flows.detectors.base import Finding

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from calmops_flows.profiles.sample import RowSample

MIN_ROWS = 20
MIN_PERMUTATIONS = 199
FIRST_LOOK = 49
ENOUGH = 10
_TIE = 1e-5


class JointTest(Protocol):
    """A two-sample test on rows."""

    def __call__(self, reference: RowSample, current: RowSample, *, alpha: float) -> Finding:
        """Test two samples of at least ``MIN_ROWS`` rows at this level."""


@dataclass(frozen=True, slots=True, eq=False)
class Null:
    """Statistics of the two samples as they are, and of relabelled ones.

    Attributes
    ----------
    observed : ndarray of shape (n_statistics,)
        Statistics of the two samples.
    permuted : ndarray of shape (n_permutations, n_statistics)
        The same under random labels.
    p_value : float
        ``(1 + #{permuted >= observed}) / (1 + n_permutations)``.
    p_min : float
        Smallest p-value that the last look would have allowed.
    """

    observed: NDArray[np.float64]
    permuted: NDArray[np.float64]
    p_value: float
    p_min: float


def permute(
    statistics: Callable[[NDArray[np.float32]], NDArray[np.float64]],
    n: int,
    m: int,
    *,
    seed: int,
    alpha: float,
) -> Null:
    """Test by random relabelling of the rows, in looks of growing size [1]_ [2]_.

    Several statistics count as one: the largest of them, each standardised over
    the observed and all permuted labels. After each look, a p-value at which a
    later one could no longer matter ends the test: ``ENOUGH`` permutations at or
    above the observed. A p-value at most u then always comes from one look whose
    own, valid p-value was at most u, so it is valid at every level.

    Parameters
    ----------
    statistics : callable
        Maps labels of shape (n_labellings, n + m), 1/n for rows of the reference
        and -1/m for others, to statistics of shape (n_labellings, n_statistics).
    n, m : int
        Rows of the reference and of the current sample.
    seed : int
        Seed of the labellings.
    alpha : float
        Level of the verdict; the last look can reach a fourth of it.

    Returns
    -------
    Null
        Observed and permuted statistics.

    References
    ----------
    .. [1] B. Phipson, G. K. Smyth, Permutation p-values should never be zero,
       Statistical Applications in Genetics and Molecular Biology 9, 2010.
    .. [2] J. Besag, P. Clifford, Sequential Monte Carlo p-values, Biometrika 78,
       1991, 301-304.
    """
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.array([1.0 / n, -1.0 / m], np.float32), (n, m))
    found = statistics(labels[np.newaxis])
    for n_permutations in looks(alpha):
        drawn = np.tile(labels, (n_permutations + 1 - len(found), 1))
        found = np.concatenate((found, statistics(rng.permuted(drawn, axis=1))))
        combined = _combined(found)
        bound = combined[0] - _TIE * max(1.0, abs(combined[0]))
        n_above = int((combined[1:] >= bound).sum())
        if n_above >= ENOUGH:
            break
    p_min = 1.0 / (1 + looks(alpha)[-1])
    return Null(found[0], found[1:], (1 + n_above) / (1 + n_permutations), p_min)


def _combined(found: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the largest of the statistics, each standardised over all labellings."""
    spread = found.std(axis=0)
    spread[spread == 0.0] = 1.0
    largest: NDArray[np.float64] = ((found - found.mean(axis=0)) / spread).max(axis=1)
    return largest


def looks(alpha: float) -> list[int]:
    """Return the number of permutations at which the test may end, increasing."""
    last = max(MIN_PERMUTATIONS, math.ceil(4.0 / alpha) - 1)
    return sorted({FIRST_LOOK, MIN_PERMUTATIONS, last})


def seed_of(reference: RowSample, current: RowSample) -> int:
    """Return a seed that depends on which rows were drawn, and on nothing else."""
    digest = hashlib.blake2b(digest_size=8)
    for sample in (reference, current):
        digest.update(sample.hashes.tobytes())
    return int.from_bytes(digest.digest(), "little")


def rank_sum(above: NDArray[np.float64], below: NDArray[np.float64]) -> tuple[float, float]:
    """Compare two samples of scores by the Mann-Whitney test [1]_.

    Parameters
    ----------
    above, below : ndarray of shape (n,), (m,)
        Scores.

    Returns
    -------
    auc : float
        Chance that a score of ``above`` is larger than one of ``below``.
    z : float
        Standard score of the area, normal under no change; corrected for ties.

    References
    ----------
    .. [1] E. L. Lehmann, Nonparametrics: Statistical Methods Based on Ranks, 1975,
       equation (1.35) for the variance under ties.

    Examples
    --------
    >>> import numpy as np
    >>> auc, z = rank_sum(np.array([3.0, 4.0, 5.0, 2.0]), np.array([1.0, 2.0, 0.0, 0.5]))
    >>> round(auc, 3), round(z, 3)
    (0.969, 2.178)
    """
    n, m = len(above), len(below)
    _, places, counts = np.unique(
        np.concatenate((above, below)), return_inverse=True, return_counts=True
    )
    midranks = (np.cumsum(counts) - (counts - 1) / 2.0)[places]
    total = n + m
    wins = float(midranks[:n].sum()) - n * (n + 1) / 2.0
    ties = float((counts**3 - counts).sum()) / (total * (total - 1))
    variance = n * m / 12.0 * (total + 1 - ties)
    z = (wins - n * m / 2.0) / math.sqrt(variance) if variance > 0.0 else 0.0
    return wins / (n * m), z


def unfit(reference: RowSample, current: RowSample) -> str | None:
    """Say why two samples cannot be compared, or None."""
    for sample, label in ((reference, "reference"), (current, "current")):
        if len(sample.hashes) < MIN_ROWS:
            return f"fewer than {MIN_ROWS} rows in the {label} sample"
    return None


def too_few_columns() -> Finding:
    """Return the finding on samples that have nothing joint to test."""
    return Finding.untestable("fewer than two columns with values that vary in common")
