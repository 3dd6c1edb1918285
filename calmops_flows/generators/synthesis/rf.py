"""Random forests, column after column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from calmops_flows.generators.synthesis.base import Method
from calmops_flows.generators.synthesis.cart import TreeModel, fit_tree
from calmops_flows.generators.synthesis.donors import Smoothing
from calmops_flows.generators.synthesis.sequential import Chain, learn_chain

if TYPE_CHECKING:
    from calmops_flows.generators.synthesis.columns import Floats, Table


class Rf(Method):
    """Random forests, column after column; each row draws a donor from a leaf of a random tree.

    The leaves of all trees together hold the forest's predictive distribution [1]_, so a value
    is drawn from it, never its mean.

    References
    ----------
    .. [1] Meinshausen, "Quantile regression forests", *Journal of Machine Learning Research* 7
       (2006), 983-999.
    """

    n_trees: int = Field(default=10, ge=1)
    """Trees of a forest."""
    share: float = Field(default=0.8, gt=0, le=1)
    """Share of the predictors among which a split is looked for."""
    min_leaf: int = Field(default=5, ge=1)
    """Rows of a leaf."""
    smoothing: Smoothing = "leaf"
    """leaf: within the leaf's own spacing; density: one kernel; none."""
    proper: bool = False
    """Whether each forest learns a bootstrap sample."""
    visit: tuple[str, ...] = ()
    """Columns to begin with; the others follow in their order."""

    def learn(self, table: Table, rng: np.random.Generator, given: tuple[int, ...] = ()) -> Chain:
        """Grow a forest for each column (and one for its gaps)."""
        return learn_chain(table, self._fit, rng, visit=self.visit, given=given, proper=self.proper)

    def _fit(self, X: Floats, y: Floats, n_levels: int, rng: np.random.Generator) -> Forest:
        trees = [
            fit_tree(
                X,
                y,
                n_levels,
                rng,
                min_leaf=self.min_leaf,
                smoothing=self.smoothing,
                share=self.share,
                bootstrap=True,
            )
            for _ in range(self.n_trees if X.shape[1] else 1)
        ]
        return Forest(tuple(trees))


@dataclass(frozen=True, slots=True)
class Forest:
    """Trees whose leaves hold donors."""

    trees: tuple[TreeModel, ...]

    def draw(self, X: Floats, rng: np.random.Generator) -> Floats:
        """Draw a donor from a leaf of a random tree for each row."""
        chosen = rng.integers(len(self.trees), size=len(X))
        found = np.empty(len(X))
        for number, tree in enumerate(self.trees):
            rows = chosen == number
            found[rows] = tree.draw(X[rows], rng)
        return found
