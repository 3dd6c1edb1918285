"""The area under the ROC curve, over many weightings of the rows at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from calmops_flows.errors import UntestableError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from calmops_flows.evaluation.case import Case, Floats


@dataclass(frozen=True, slots=True)
class Ranking:
    """Rows of one model sorted by score, for one class against the rest.

    Parameters
    ----------
    order : ndarray of shape (n,)
        Rows by rising score.
    starts : ndarray of shape (n_groups,)
        First position of each group of tied scores.
    positive : ndarray of shape (n,)
        1.0 for rows of the class, in sorted order.
    """

    order: NDArray[np.intp]
    starts: NDArray[np.intp]
    positive: Floats

    @classmethod
    def of(cls, scores: Floats, positive: NDArray[np.bool_]) -> Ranking:
        """Sort rows by score."""
        order = np.argsort(scores, kind="stable")
        ranked = scores[order]
        is_start = np.concatenate([[True], ranked[1:] != ranked[:-1]])
        return cls(order, np.flatnonzero(is_start), positive[order].astype(float))

    def areas(self, weights: Floats) -> Floats:
        """Return the area for each row of weights; NaN where a class has no weight.

        Parameters
        ----------
        weights : ndarray of shape (n_weightings, n)
            Non-negative weights in the original order of the rows.
        """
        ranked = weights[:, self.order]
        hits = np.add.reduceat(ranked * self.positive, self.starts, axis=1)
        misses = np.add.reduceat(ranked * (1.0 - self.positive), self.starts, axis=1)
        below = np.cumsum(misses, axis=1) - misses / 2
        pairs = hits.sum(axis=1) * misses.sum(axis=1)
        areas = np.full(len(weights), np.nan)
        np.divide((hits * below).sum(axis=1), pairs, out=areas, where=pairs > 0)
        return areas

    def influence(self) -> Floats:
        """Return each row's influence on the area, shape (n,), mean 0 [1]_.

        References
        ----------
        .. [1] E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, "Comparing the areas under two or
           more correlated receiver operating characteristic curves", Biometrics 44, 1988.
        """
        n = len(self.order)
        n_positive = self.positive.sum()
        n_negative = n - n_positive
        group = np.repeat(np.arange(len(self.starts)), np.diff([*self.starts, n]))
        hits = np.add.reduceat(self.positive, self.starts)
        misses = np.add.reduceat(1.0 - self.positive, self.starts)
        beaten = (np.cumsum(misses) - misses / 2)[group] / n_negative
        beaten_by = (n_positive - np.cumsum(hits) + hits / 2)[group] / n_positive
        area = (self.positive * beaten).sum() / n_positive
        ranked = np.where(
            self.positive > 0,
            (beaten - area) * n / n_positive,
            (beaten_by - area) * n / n_negative,
        )
        result = np.empty(n)
        result[self.order] = ranked
        return result


def rankings(case: Case) -> list[Ranking]:
    """Sort the rows once per class: the positive one of two, or each of several.

    Raises
    ------
    UntestableError
        If there are no probabilities, a class of the model is absent from the rows, or the rows
        have a class that the model does not know.
    """
    probabilities, columns = case.probabilities, case.true_columns
    n_classes = probabilities.shape[1]
    n_found = len(np.unique(columns[columns >= 0]))
    if (columns < 0).any():
        raise UntestableError("the rows have a class that the model does not know")
    if n_found < n_classes or n_classes < 2:
        raise UntestableError(f"needs rows of every class, found {n_found} of {n_classes}")
    chosen = [1] if n_classes == 2 else range(n_classes)
    return [Ranking.of(probabilities[:, k], columns == k) for k in chosen]


def mean_area(ranked: list[Ranking], weights: Floats) -> Floats:
    """Average the areas over the classes."""
    result: Floats = np.mean([ranking.areas(weights) for ranking in ranked], axis=0)
    return result
