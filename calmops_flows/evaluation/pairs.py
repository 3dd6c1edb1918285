"""The difference of two models on the same rows, as a function of the rows' weights.

A bootstrap resamples *units*: single rows, cells of equal (truth, champion, challenger) labels,
or pools of rows when there are very many.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from calmops_flows.evaluation.case import Case, Codes, Floats, encode
from calmops_flows.evaluation.confusion import Counts, Formula
from calmops_flows.evaluation.ranking import mean_area, rankings

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_UNITS = 10_000  # above, rows are pooled: the sampling error of pool sums is the same
_STEP = 1e-4


@dataclass(frozen=True, slots=True)
class Pairs:
    """What an interval of the difference needs.

    Parameters
    ----------
    counts : ndarray of shape (n_units,)
        How often each unit occurred.
    influence : ndarray of shape (n_units,)
        First-order effect of one occurrence of a unit on n times the difference; mean 0.
    difference : callable
        Weights of shape (r, n_units) -> challenger minus champion, shape (r,).
    order : ndarray of shape (n_times,)
        Unit at each time: of each row, or of each pool of neighbouring rows.
    """

    counts: Floats
    influence: Floats
    difference: Callable[[Floats], Floats]
    order: Codes

    @property
    def observed(self) -> float:
        """Difference on the rows as they are."""
        return float(self.difference(self.counts[None, :])[0])


def confusion_pairs(formula: Formula, champion: Case, challenger: Case) -> Pairs:
    """Pair two models by cells of equal (truth, champion label, challenger label)."""
    known = [*(champion.predictions.classes or ()), *(challenger.predictions.classes or ())]
    columns = [champion.truth, champion.predictions.values, challenger.predictions.values]
    codes, n_labels = encode(columns, known)
    key = (codes[0] * n_labels + codes[1]) * n_labels + codes[2]
    keys, cell, counts = np.unique(key, return_inverse=True, return_counts=True)
    truth, first, second = keys // n_labels**2, keys // n_labels % n_labels, keys % n_labels
    one_hot = np.eye(n_labels)
    sides = [
        np.hstack([one_hot[truth] * (truth == said)[:, None], one_hot[truth], one_hot[said]])
        for said in (first, second)
    ]

    def of_means(means: Floats) -> Floats:
        return formula(Counts(*np.split(means, 3, axis=-1)))

    return _smooth_pairs(sides[0], sides[1], counts.astype(float), of_means, order=cell)


def row_pairs(combine: Callable[[Floats], Floats], champion: Floats, challenger: Floats) -> Pairs:
    """Pair two models by rows, each with its (n, m) numbers per row."""
    n = len(champion)
    if n <= MAX_UNITS:
        return _smooth_pairs(champion, challenger, np.ones(n), combine)
    pool = np.arange(n) * MAX_UNITS // n  # neighbours, so that their dependence stays within
    sizes = np.bincount(pool).astype(float)
    first, second = (
        np.column_stack([np.bincount(pool, weights=column).astype(float) for column in side.T])
        for side in (champion, challenger)
    )
    return _smooth_pairs(first, second, np.ones(MAX_UNITS), combine, sizes=sizes)


def rank_pairs(champion: Case, challenger: Case) -> Pairs:
    """Pair two models by rows for the area under the ROC curve."""
    first, second = rankings(champion), rankings(challenger)
    n = len(champion.truth)
    influences = [np.mean([r.influence() for r in side], axis=0) for side in (first, second)]
    if n > MAX_UNITS:
        areas = [mean_area(side, np.ones((1, n)))[0] for side in (first, second)]
        rows = [(area + by_row)[:, None] for area, by_row in zip(areas, influences, strict=True)]
        return row_pairs(lambda means: means[..., 0], rows[0], rows[1])

    def difference(weights: Floats) -> Floats:
        return mean_area(second, weights) - mean_area(first, weights)

    return Pairs(np.ones(n), influences[1] - influences[0], difference, np.arange(n))


def _smooth_pairs(
    champion: Floats,
    challenger: Floats,
    counts: Floats,
    combine: Callable[[Floats], Floats],
    *,
    sizes: Floats | None = None,
    order: Codes | None = None,
) -> Pairs:
    """Pair two models whose metric is a smooth function of means over units."""
    size_of = np.ones(len(counts)) if sizes is None else sizes

    def means(side: Floats, weights: Floats) -> Floats:
        return (weights @ side) / (weights @ size_of)[:, None]

    def difference(weights: Floats) -> Floats:
        return combine(means(challenger, weights)) - combine(means(champion, weights))

    influence = np.zeros(len(counts))
    for side, sign in ((challenger, 1.0), (champion, -1.0)):
        centre = means(side, counts[None, :])[0]
        influence += sign * (side - size_of[:, None] * centre) @ gradient(combine, centre)
    times = np.arange(len(counts)) if order is None else order
    return Pairs(counts, influence * counts.sum() / (counts @ size_of), difference, times)


def gradient(combine: Callable[[Floats], Floats], centre: Floats) -> Floats:
    """Differentiate by relative steps inwards, where every metric is defined."""
    steps = np.diag(centre * _STEP)
    rise = combine(centre + steps) - combine(centre - steps)
    width = 2 * np.diag(steps)
    return np.divide(rise, width, out=np.zeros(len(centre)), where=width != 0)
