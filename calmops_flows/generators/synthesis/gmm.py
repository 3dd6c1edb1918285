"""A mixture of normal distributions over normal scores."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field
from scipy.special import ndtr
from threadpoolctl import threadpool_limits

from calmops_flows.generators.synthesis.base import Method
from calmops_flows.generators.synthesis.copula import latent
from calmops_flows.generators.synthesis.donors import Smoothing
from calmops_flows.generators.synthesis.free import Matched
from calmops_flows.generators.synthesis.scores import Score, read_scores, to_values

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from calmops_flows.generators.synthesis.columns import Floats, Table

RIDGE = 1e-3
PROBE, CELLS = 200_000, 8_000_000  # rows that show how a mixture is distributed, and their cells
GRID = np.linspace(-3.0, 3.0, 241)  # normal scores whose quantiles are kept
TAIL = 40  # steps of the grid from which a tail is continued


class Gmm(Method):
    """A Gaussian mixture over the normal scores of all columns; BIC chooses its size.

    Each column is drawn through the mixture's own marginal distribution, so that it keeps that
    of the real rows also where the mixture fits it badly [1]_.

    References
    ----------
    .. [1] Tewari, A., Giering, M. J. and Raghunathan, A. (2011). Parametric characterization of
       multimodal distributions with non-Gaussian modes. ICDM Workshops, 286-292.
    """

    components: int = Field(default=6, ge=1)
    """Largest number of components that is tried."""
    smoothing: Smoothing = "leaf"
    """leaf: within the column's own spacing; density: one kernel; none."""

    def learn(self, table: Table, rng: np.random.Generator, given: tuple[int, ...] = ()) -> Matched:
        """Fit mixtures of 1, 2, … components and keep the one with the lowest BIC."""
        del given
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture

        scores = read_scores(table, self.smoothing)
        Z = latent(scores, rng)
        sizes = range(1, min(self.components, len(Z)) + 1)
        fitted = []
        with warnings.catch_warnings(), threadpool_limits(limits=1):
            # a mixture that has not settled loses by its BIC
            warnings.simplefilter("ignore", ConvergenceWarning)
            for size in sizes:
                seed = int(rng.integers(2**31))
                model = GaussianMixture(size, reg_covar=RIDGE, random_state=seed).fit(Z)
                fitted.append((float(model.bic(Z)), model))
        best = min(fitted, key=lambda one: one[0])[1]
        normals = Normals(best.weights_, best.means_, np.linalg.cholesky(best.covariances_))
        return Matched(table, Mixture(scores, normals, _grids(scores, normals, rng)))


@dataclass(frozen=True, slots=True)
class Normals:
    """Normal distributions with their weights; covariances as Cholesky factors."""

    weights: Floats
    means: Floats
    factors: Floats

    def draw(self, n_rows: int, rng: np.random.Generator) -> Floats:
        """Draw rows of scores."""
        part = rng.choice(len(self.weights), size=n_rows, p=self.weights / self.weights.sum())
        noise = rng.standard_normal((n_rows, self.means.shape[1]))
        drawn: Floats = self.means[part] + np.einsum("nij,nj->ni", self.factors[part], noise)
        return drawn


@dataclass(frozen=True, slots=True)
class Mixture:
    """A mixture of scores, and the quantiles of each score where its column has a value."""

    scores: tuple[Score, ...]
    normals: Normals
    grids: Floats

    def draw(self, n_rows: int, rng: np.random.Generator) -> Floats:
        """Draw rows."""
        drawn = self.normals.draw(n_rows, rng)
        scores = [_score(one, grid) for one, grid in zip(drawn.T, self.grids, strict=True)]
        n_columns = 1 + max(one.column for one in self.scores)
        return to_values(self.scores, np.column_stack(scores), n_columns, rng)


def _grids(scores: tuple[Score, ...], normals: Normals, rng: np.random.Generator) -> Floats:
    """Return quantiles of what the mixture draws: of a column with gaps, where it has none."""
    drawn = normals.draw(min(PROBE, CELLS // len(scores)), rng)
    found = np.empty((len(scores), len(GRID)))
    kept: dict[int, NDArray[np.bool_]] = {}
    for number, score in enumerate(scores):
        values = drawn[:, number]
        is_there = kept.get(score.column)
        if is_there is not None and is_there.any():
            values = values[is_there]
        found[number] = np.quantile(values, ndtr(GRID))
        if score.is_gap:
            kept[score.column] = score.values(_score(values, found[number]), rng) == 0
    return found


def _score(drawn: Floats, grid: Floats) -> Floats:
    """Return normal scores of values with these quantiles."""
    score = np.interp(drawn, grid, GRID)
    low = (GRID[TAIL] - GRID[0]) / max(grid[TAIL] - grid[0], 1e-9)
    high = (GRID[-1] - GRID[-1 - TAIL]) / max(grid[-1] - grid[-1 - TAIL], 1e-9)
    score = score + low * np.minimum(drawn - grid[0], 0.0)
    return np.asarray(score + high * np.maximum(drawn - grid[-1], 0.0))
