"""A mixture of normal distributions over normal scores."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field
from threadpoolctl import threadpool_limits

from calmops_flows.generators.synthesis.base import Method
from calmops_flows.generators.synthesis.copula import latent
from calmops_flows.generators.synthesis.donors import Smoothing
from calmops_flows.generators.synthesis.free import Matched
from calmops_flows.generators.synthesis.scores import Score, read_scores, to_values

if TYPE_CHECKING:
    from calmops_flows.generators.synthesis.columns import Floats, Table

RIDGE = 1e-3


class Gmm(Method):
    """A Gaussian mixture over the normal scores of all columns; BIC chooses its size."""

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
        factors = np.linalg.cholesky(best.covariances_)
        return Matched(table, Mixture(scores, best.weights_, best.means_, factors))


@dataclass(frozen=True, slots=True)
class Mixture:
    """Normal distributions of scores with their weights; covariances as Cholesky factors."""

    scores: tuple[Score, ...]
    weights: Floats
    means: Floats
    factors: Floats

    def draw(self, n_rows: int, rng: np.random.Generator) -> Floats:
        """Draw rows."""
        part = rng.choice(len(self.weights), size=n_rows, p=self.weights / self.weights.sum())
        noise = rng.standard_normal((n_rows, self.means.shape[1]))
        drawn = self.means[part] + np.einsum("nij,nj->ni", self.factors[part], noise)
        return to_values(self.scores, drawn, 1 + max(one.column for one in self.scores), rng)
