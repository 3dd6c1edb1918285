"""Classification and regression trees, column after column."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from calmops_flows.generators.synthesis.base import Method
from calmops_flows.generators.synthesis.donors import Donors, Smoothing, make_donors
from calmops_flows.generators.synthesis.sequential import Chain, learn_chain

if TYPE_CHECKING:
    from calmops_flows.generators.synthesis.columns import Floats, Ints, Table


class Cart(Method):
    """Trees, column after column; values come from donors in the leaf, rare ones smoothed.

    References
    ----------
    .. [1] Reiter, "Using CART to generate partially synthetic public use microdata", *Journal of
       Official Statistics* 21 (2005), 441-462.
    .. [2] Nowok, Raab and Dibben, "synthpop: bespoke creation of synthetic data in R", *Journal
       of Statistical Software* 74 (2016).
    """

    min_leaf: int = Field(default=5, ge=1)
    """Donors of a leaf."""
    smoothing: Smoothing = "leaf"
    """leaf: within the leaf's own spacing; density: one kernel, as in synthpop; none."""
    proper: bool = False
    """Whether each tree learns a bootstrap sample."""
    visit: tuple[str, ...] = ()
    """Columns to begin with; the others follow in their order."""

    def learn(self, table: Table, rng: np.random.Generator, given: tuple[int, ...] = ()) -> Chain:
        """Grow one tree for each column (and one for its gaps)."""
        fit = partial(fit_tree, min_leaf=self.min_leaf, smoothing=self.smoothing)
        return learn_chain(table, fit, rng, visit=self.visit, given=given, proper=self.proper)


@dataclass(frozen=True, slots=True)
class TreeModel:
    """A tree whose leaves hold donors; without a tree all are donors of all."""

    tree: Any
    group: Ints
    """Number of the group of each node."""
    donors: Donors

    def draw(self, X: Floats, rng: np.random.Generator) -> Floats:
        """Draw a donor of the leaf of each row."""
        if self.tree is None:
            return self.donors.draw(np.zeros(len(X), dtype=np.intp), rng)
        return self.donors.draw(self.group[self.tree.apply(X)], rng)


def fit_tree(
    X: Floats,
    y: Floats,
    n_levels: int,
    rng: np.random.Generator,
    *,
    min_leaf: int,
    smoothing: Smoothing,
    share: float | None = None,
    bootstrap: bool = False,
) -> TreeModel:
    """Grow a tree and keep the values in its leaves.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_predictors)
        Without missing values.
    y : ndarray of shape (n_rows,)
        Numbers, or numbers of levels.
    n_levels : int
        Levels; 0 for numbers.
    rng : numpy.random.Generator
        Where randomness comes from.
    min_leaf : int
        Rows of a leaf.
    smoothing : {"leaf", "density", "none"}
        What to do with rare numbers.
    share : float, optional
        Share of the predictors among which a split is looked for; default: all.
    bootstrap : bool, default False
        Whether the tree grows on a bootstrap sample; donors are all rows.
    """
    smoothing = "none" if n_levels else smoothing
    if X.shape[1] == 0 or np.all(y == y[0]):
        donors = make_donors(y, np.zeros(len(y), dtype=np.intp), 1, smoothing)
        return TreeModel(None, np.zeros(1, dtype=np.intp), donors)
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    kind = DecisionTreeClassifier if n_levels else DecisionTreeRegressor
    seed = int(rng.integers(2**31))
    grown = kind(min_samples_leaf=min_leaf, max_features=share, random_state=seed)
    rows = rng.integers(len(y), size=len(y)) if bootstrap else slice(None)
    tree = grown.fit(X[rows], y[rows]).tree_
    shown = X.astype(np.float32)
    leaves, leaf = np.unique(tree.apply(shown), return_inverse=True)
    group = np.zeros(tree.node_count, dtype=np.intp)
    group[leaves] = np.arange(len(leaves))
    return TreeModel(_Applied(tree), group, make_donors(y, leaf, len(leaves), smoothing))


@dataclass(frozen=True, slots=True)
class _Applied:
    """A grown tree that takes predictors of any precision."""

    tree: Any

    def apply(self, X: Floats) -> Ints:
        return np.asarray(self.tree.apply(X.astype(np.float32)))
