"""Null laws of areas between two distributions, in units of the column's values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from calmops_flows.detectors.paired import Paired, coarse

if TYPE_CHECKING:
    from numpy.typing import NDArray

N_CELLS = 128
_TAIL_ROWS = 5.0
_N_PATHS = 2_000


def trimmed_steps(both: Paired, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of the range up to the next point, 0 in both far tails.

    The tails hold ``_TAIL_ROWS`` expected rows of the smaller sample; cutting them
    off, by pooled ranks, is clipping the values, and leaves areas that chance
    explains by the normal law.

    Parameters
    ----------
    both : Paired
        Two columns.
    x : ndarray of shape (n_points,)
        Finite values of the points.

    Returns
    -------
    ndarray of shape (n_points,)
        Sums to 1, or to 0 if the tails are all there is; the last one is 0.
    """
    share = min(_TAIL_ROWS / min(both.n, both.m), 0.25)
    inside = (both.pooled >= share) & (both.pooled <= 1.0 - share)
    steps = np.where(inside, np.diff(x, append=x[-1:]), 0.0)
    return steps / (float(steps.sum()) or 1.0)


def cell_steps(
    both: Paired, steps: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum the steps over at most ``N_CELLS`` cells of the pooled ranks.

    Parameters
    ----------
    both : Paired
        Two columns.
    steps : ndarray of shape (n_points,)
        Distance to the next point.

    Returns
    -------
    ranks : ndarray of shape (n_cells,)
        Pooled distribution function, below 1.
    sums : ndarray of shape (n_cells,)
        Summed steps of each cell.
    """
    cells = coarse(both, N_CELLS)
    ends = np.searchsorted(both.points, cells.points)
    starts = np.concatenate(([0], ends[:-1] + 1))
    sums = np.add.reduceat(steps, starts)
    cumulative = np.add.reduceat(steps * both.pooled, starts)
    ranks = np.divide(cumulative, sums, out=np.full_like(sums, 0.5), where=sums > 0.0)
    kept = sums > 0.0
    return ranks[kept], sums[kept]


def bridge_areas(ranks: NDArray[np.float64], steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return areas under absolute Brownian bridges.

    Parameters
    ----------
    ranks : ndarray of shape (n_cells,)
        Increasing times in (0, 1).
    steps : ndarray of shape (n_cells,)
        Width of each cell.

    Returns
    -------
    ndarray of shape (n_paths,)
        Draws of the area; the same for the same input.
    """
    rng = np.random.default_rng(len(ranks))
    times = np.concatenate((ranks, [1.0]))
    moves = rng.standard_normal((_N_PATHS, len(times)))
    moves *= np.sqrt(np.maximum(np.diff(times, prepend=0.0), 0.0))
    paths = np.cumsum(moves, axis=1)
    bridges = paths[:, :-1] - paths[:, -1:] * ranks
    areas: NDArray[np.float64] = np.abs(bridges) @ steps
    return areas


def bridge_weights(ranks: NDArray[np.float64], steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the eigenvalues of the area under squared Brownian bridges.

    Parameters
    ----------
    ranks : ndarray of shape (n_cells,)
        Increasing times in (0, 1).
    steps : ndarray of shape (n_cells,)
        Width of each cell.

    Returns
    -------
    ndarray of shape (n_cells,)
        Weights of the chi-square variables whose sum is the law.
    """
    root = np.sqrt(steps)
    covariance = np.minimum.outer(ranks, ranks) - np.outer(ranks, ranks)
    weights: NDArray[np.float64] = np.linalg.eigvalsh(covariance * np.outer(root, root))
    return weights.clip(min=0.0)
