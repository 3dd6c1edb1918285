"""A Gaussian copula over columns of all types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr, ndtri

from calmops_flows.generators.injection.correlation import nearest_correlation
from calmops_flows.generators.synthesis.base import Method
from calmops_flows.generators.synthesis.donors import Smoothing
from calmops_flows.generators.synthesis.free import Matched
from calmops_flows.generators.synthesis.scores import Score, read_scores, to_values

if TYPE_CHECKING:
    from calmops_flows.generators.synthesis.columns import Floats, Table

LIMIT = 0.99
SWEEPS = 5


class Copula(Method):
    """A Gaussian copula: each column keeps its distribution, one correlation joins each pair.

    Columns that are not continuous are stretches of a latent normal variable (polyserial and
    polychoric correlation, to first order [1]_).

    References
    ----------
    .. [1] Olsson, Drasgow and Dorans, "The polyserial correlation coefficient", *Psychometrika*
       47 (1982), 337-347.
    """

    smoothing: Smoothing = "leaf"
    """leaf: within the column's own spacing; density: one kernel; none."""

    def learn(self, table: Table, rng: np.random.Generator, given: tuple[int, ...] = ()) -> Matched:
        """Estimate the correlations."""
        del rng, given
        scores = read_scores(table, self.smoothing)
        matrix = correlations(scores)
        return Matched(table, GaussianCopula(scores, np.linalg.cholesky(matrix)))


@dataclass(frozen=True, slots=True)
class GaussianCopula:
    """Normal scores with a correlation matrix, given by its Cholesky factor."""

    scores: tuple[Score, ...]
    factor: Floats

    def draw(self, n_rows: int, rng: np.random.Generator) -> Floats:
        """Draw rows."""
        drawn = rng.standard_normal((n_rows, len(self.scores))) @ self.factor.T
        return to_values(self.scores, drawn, 1 + max(one.column for one in self.scores), rng)


def latent(scores: tuple[Score, ...], rng: np.random.Generator) -> Floats:
    """Draw the latent normal variables of each row given its values (data augmentation [1]_).

    Each is drawn within its stretch given the others, in turn; a missing value has no stretch
    and is drawn from the conditional distribution.

    References
    ----------
    .. [1] Hoff, "Extending the rank likelihood for semiparametric copula estimation", *Annals of
       Applied Statistics* 1 (2007), 265-283.
    """
    precision = np.linalg.inv(correlations(scores))
    bounds = [one.stretch() for one in scores]
    found = np.column_stack([np.nan_to_num(one.centre()) for one in scores])
    for _ in range(SWEEPS):
        for number, (low, high) in enumerate(bounds):
            width = precision[number, number] ** -0.5
            pull = found @ precision[number] - found[:, number] * precision[number, number]
            centre = -pull * width**2
            below, above = ndtr((low - centre) / width), ndtr((high - centre) / width)
            share = below + (above - below) * rng.random(len(found))
            drawn = centre + width * ndtri(np.clip(share, 1e-12, 1 - 1e-12))
            found[:, number] = np.clip(drawn, np.maximum(low, -6.0), np.minimum(high, 6.0))
    return found


def correlations(scores: tuple[Score, ...]) -> Floats:
    """Estimate the correlations of the latent normal variables.

    The covariance of the expected scores given the values is the latent correlation times both
    variances; exact if one of the two columns is continuous.
    """
    centres = np.column_stack([one.centre() for one in scores])
    present = ~np.isnan(centres)
    filled = np.where(present, centres, 0.0)
    both = np.maximum(present.T.astype(float) @ present.astype(float), 1.0)
    variance = np.maximum((filled**2).sum(axis=0) / np.maximum(present.sum(axis=0), 1), 1e-12)
    matrix = (filled.T @ filled) / both / np.outer(variance, variance)
    constant = variance < 1e-6
    matrix[constant, :] = matrix[:, constant] = 0.0
    matrix = np.clip(matrix, -LIMIT, LIMIT)
    np.fill_diagonal(matrix, 1.0)
    return nearest_correlation(matrix)
