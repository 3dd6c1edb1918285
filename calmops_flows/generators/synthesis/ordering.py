"""Predictors as a tree can split them: categories in an order that suits what is predicted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from calmops_flows.generators.synthesis.columns import Column, Floats, Ints


@dataclass(frozen=True, slots=True)
class Ordering:
    """How predictors are shown to a model.

    Parameters
    ----------
    ranks : tuple of ndarray or None
        For each predictor that is a category the rank of each level, and last that of a missing
        one; None for numbers.
    gaps : tuple of float
        What stands for a missing number: a value below all others.
    """

    ranks: tuple[Floats | None, ...]
    gaps: tuple[float, ...]

    def apply(self, before: Floats) -> Floats:
        """Return predictors without missing values, of the same shape."""
        shown = np.empty(before.shape)
        for number, (ranks, gap) in enumerate(zip(self.ranks, self.gaps, strict=True)):
            values = before[:, number]
            if ranks is None:
                shown[:, number] = np.where(np.isnan(values), gap, values)
            else:
                shown[:, number] = ranks[_levels(values, len(ranks) - 1)]
        return shown


def order_levels(
    before: Floats, columns: Sequence[Column], target: Floats, n_levels: int
) -> Ordering:
    """Order the levels of each predictor by what they say of a target [1]_.

    For a number that is its mean; for a category the first principal component of the shares
    of its levels [2]_.

    Parameters
    ----------
    before : ndarray of shape (n_rows, n_predictors)
        Predictors, NaN for missing.
    columns : sequence of Column
        What they mean.
    target : ndarray of shape (n_rows,)
        Without missing values.
    n_levels : int
        Levels of the target; 0 for numbers.

    References
    ----------
    .. [1] Breiman et al., *Classification and Regression Trees*, 1984, theorem 4.5.
    .. [2] Coppersmith, Hong and Hosking, "Partitioning nominal attributes in decision trees",
       *Data Mining and Knowledge Discovery* 3 (1999), 197-217.
    """
    ranks: list[Floats | None] = []
    gaps = []
    for number, column in enumerate(columns):
        values = before[:, number]
        if column.is_category:
            level = _levels(values, column.n_levels)
            ranks.append(_ranks(level, column.n_levels + 1, target, n_levels))
            gaps.append(0.0)
        else:
            ranks.append(None)
            low, high = (np.nanmin(values), np.nanmax(values)) if len(values) else (0.0, 0.0)
            gaps.append(float(low - max(high - low, 1.0)))
    return Ordering(tuple(ranks), tuple(gaps))


def _levels(values: Floats, missing: int) -> Ints:
    return np.where(np.isnan(values), missing, values).astype(np.intp)


def _ranks(level: Ints, n: int, target: Floats, n_levels: int) -> Floats:
    counts = np.bincount(level, minlength=n)
    if n_levels == 0:
        sums = np.bincount(level, weights=target, minlength=n)
        score = sums / np.maximum(counts, 1)
    else:
        cells = level * n_levels + target.astype(np.intp)
        table = np.bincount(cells, minlength=n * n_levels).reshape(n, n_levels)
        score = _first_component(table / np.maximum(counts, 1)[:, None], counts.astype(float))
    # a level that was never seen stands with the average one
    score[counts == 0] = np.average(score, weights=counts)
    found: Floats = np.argsort(np.argsort(score, kind="stable")).astype(float)
    return found


def _first_component(shares: Floats, weights: Floats) -> Floats:
    centred = shares - np.average(shares, axis=0, weights=weights)
    covariance = (centred * weights[:, None]).T @ centred
    return np.asarray(shares @ np.linalg.eigh(covariance)[1][:, -1])
