"""Boosted trees of LightGBM, column after column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from calmops_flows.errors import MissingExtraError
from calmops_flows.generators.synthesis.base import Method
from calmops_flows.generators.synthesis.donors import Donors, Smoothing, make_donors
from calmops_flows.generators.synthesis.sequential import Chain, learn_chain

if TYPE_CHECKING:
    from calmops_flows.generators.synthesis.columns import Floats, Ints, Table


class Lgbm(Method):
    """Boosted trees, column after column; a value is drawn by halves of its distribution.

    A column is cut into bins (categories: levels). A classifier gives the chance of the upper
    half of the bins, further ones those of the halves of each half, and so on [1]_; a row goes
    down by these chances, and a donor of its bin gives the value.

    References
    ----------
    .. [1] Frank and Kramer, "Ensembles of nested dichotomies for multi-class problems", *ICML*
       2004.
    """

    bins: int = Field(default=32, ge=2)
    """Bins of a number."""
    rounds: int = Field(default=30, ge=1)
    """Boosting rounds of each classifier."""
    leaves: int = Field(default=15, ge=2)
    """Leaves of each boosted tree."""
    learning_rate: float = Field(default=0.15, gt=0, le=1)
    """Weight of each boosted tree."""
    min_leaf: int = Field(default=5, ge=1)
    """Rows of a leaf."""
    smoothing: Smoothing = "leaf"
    """leaf: within the bin's own spacing; density: one kernel; none."""
    proper: bool = False
    """Whether each model learns a bootstrap sample."""
    visit: tuple[str, ...] = ()
    """Columns to begin with; the others follow in their order."""

    def learn(self, table: Table, rng: np.random.Generator, given: tuple[int, ...] = ()) -> Chain:
        """Boost the classifiers of each column (and of its gaps).

        Raises
        ------
        MissingExtraError
            If LightGBM is not installed.
        """
        try:
            import lightgbm as _  # noqa: F401
        except ImportError as err:
            raise MissingExtraError(
                "the method lgbm needs the extra `lightgbm`: pip install 'calmops-flows[lightgbm]'"
            ) from err
        return learn_chain(table, self._fit, rng, visit=self.visit, given=given, proper=self.proper)

    def _fit(self, X: Floats, y: Floats, n_levels: int, rng: np.random.Generator) -> Dichotomies:
        bins = _bins(y, None if n_levels else self.bins)
        n_bins = int(bins.max()) + 1
        donors = make_donors(y, bins, n_bins, "none" if n_levels else self.smoothing)
        if not X.shape[1]:
            donors = make_donors(y, np.zeros_like(bins), 1, "none" if n_levels else self.smoothing)
            return Dichotomies({}, donors, 1)
        settings = {
            "objective": "binary",
            "num_leaves": self.leaves,
            "learning_rate": self.learning_rate,
            "min_data_in_leaf": self.min_leaf,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "seed": int(rng.integers(2**31)),
            "verbosity": -1,
        }
        models = _boost(X, bins, (0, n_bins), settings, self.rounds)
        return Dichotomies(models, donors, n_bins)


@dataclass(frozen=True, slots=True)
class Dichotomies:
    """Classifiers of nested halves of bins, and the donors of each bin."""

    models: dict[tuple[int, int], Any]
    """For each range of bins a classifier of its upper half."""
    donors: Donors
    n_bins: int

    def draw(self, X: Floats, rng: np.random.Generator) -> Floats:
        """Go down by chance for each row, and draw a donor of the bin."""
        found = np.zeros(len(X), dtype=np.intp)
        waiting = [((0, self.n_bins), np.arange(len(X)))]
        while waiting:
            (low, high), rows = waiting.pop()
            if high - low == 1 or not len(rows):
                found[rows] = low
                continue
            middle = (low + high) // 2
            upper = rng.random(len(rows)) < self.models[low, high].predict(X[rows])
            waiting += [((low, middle), rows[~upper]), ((middle, high), rows[upper])]
        return self.donors.draw(found, rng)


def _bins(y: Floats, wished: int | None) -> Ints:
    """Cut values into bins of about as many rows; as many as there are values without a wish."""
    values, back, counts = np.unique(y, return_inverse=True, return_counts=True)
    if wished is None or len(values) <= wished:
        return np.asarray(back)
    # by the middle of its rows a shared value falls into one bin
    middle = (np.cumsum(counts) - counts / 2) / counts.sum()
    cut = np.floor(middle * wished)
    number: Ints = np.unique(cut, return_inverse=True)[1][back]
    return number


def _boost(
    X: Floats, bins: Ints, span: tuple[int, int], settings: dict[str, Any], rounds: int
) -> dict[tuple[int, int], Any]:
    import lightgbm

    low, high = span
    if high - low == 1:
        return {}
    middle = (low + high) // 2
    upper = bins >= middle
    data = lightgbm.Dataset(X, upper.astype(float), params={"verbosity": -1})
    found = {span: lightgbm.train(settings, data, rounds)}
    found |= _boost(X[~upper], bins[~upper], (low, middle), settings, rounds)
    return found | _boost(X[upper], bins[upper], (middle, high), settings, rounds)
