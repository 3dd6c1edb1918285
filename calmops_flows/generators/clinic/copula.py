"""Correlated variables with any marginals: a Gaussian copula given by rank correlations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field
from scipy.special import ndtr

from calmops_flows.errors import SpecError
from calmops_flows.generators.injection.correlation import SMALLEST, nearest_correlation
from calmops_flows.spec.base import Part

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHOWN = 10
EDGE = 1e-16


class Pair(Part):
    """A rank correlation of two variables."""

    between: tuple[str, str]
    spearman: float = Field(gt=-1.0, lt=1.0)


def latent_correlation(names: Sequence[str], pairs: Sequence[Pair]) -> NDArray[np.float64]:
    """Return the Pearson correlations of the normal scores behind rank correlations [1]_.

    For normal scores with correlation r, Spearman's is (6 / pi) arcsin(r / 2).

    Parameters
    ----------
    names : sequence of str
        Variables, in order.
    pairs : sequence of Pair
        What is correlated; all other pairs are not.

    Returns
    -------
    ndarray of shape (n_names, n_names)
        Positive definite.

    Raises
    ------
    SpecError
        If a variable is not there, a pair is given twice, or no variables can have these
        correlations; the message then offers the nearest ones that can be had.

    References
    ----------
    .. [1] Kruskal, W. H. (1958). Ordinal measures of association. JASA 53, 814-861.
    """
    matrix = np.eye(len(names))
    for pair in pairs:
        for name in pair.between:
            if name not in names:
                raise SpecError(f"correlations: no variable {name!r}; valid: {', '.join(names)}")
        i, j = (names.index(name) for name in pair.between)
        if i == j or matrix[i, j]:
            raise SpecError(f"correlations: the pair {pair.between} is no pair, or given twice")
        matrix[i, j] = matrix[j, i] = 2.0 * np.sin(np.pi * pair.spearman / 6.0)
    if len(names) and np.linalg.eigvalsh(matrix).min() < SMALLEST:
        raise SpecError(
            "correlations: no variables can have these together (their matrix is not positive "
            f"definite); the nearest that can be had: {_offer(names, matrix)}"
        )
    return matrix


def _offer(names: Sequence[str], matrix: NDArray[np.float64]) -> str:
    near = 6.0 / np.pi * np.arcsin(nearest_correlation(matrix) / 2.0)
    # Towards zero, so that what is offered is inside after rounding as well.
    near = np.trunc(near * 0.999 * 1000.0) / 1000.0
    pairs = [
        f"{names[i]} and {names[j]}: {near[i, j]:g}"
        for i in range(len(names))
        for j in range(i + 1, len(names))
        if abs(near[i, j]) >= 0.001
    ]
    more = f" … and {len(pairs) - SHOWN} more" if len(pairs) > SHOWN else ""
    return ", ".join(pairs[:SHOWN]) + more


def uniforms(
    correlation: NDArray[np.float64], n_rows: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw uniform numbers whose normal scores have a correlation.

    Parameters
    ----------
    correlation : ndarray of shape (k, k)
        Positive definite.
    n_rows : int
        How many.
    rng : numpy.random.Generator
        Where randomness comes from.

    Returns
    -------
    ndarray of shape (n_rows, k)
        Strictly between 0 and 1.
    """
    scores = rng.standard_normal((n_rows, len(correlation)))
    u = ndtr(scores @ np.linalg.cholesky(correlation).T)
    return np.asarray(np.clip(u, EDGE, 1.0 - EDGE))
