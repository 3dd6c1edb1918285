"""Columns as normal scores: every value a stretch of the normal distribution, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr, ndtri

from calmops_flows.generators.synthesis.donors import Donors, Smoothing, make_donors

if TYPE_CHECKING:
    from calmops_flows.generators.synthesis.columns import Floats, Ints, Table


@dataclass(frozen=True, slots=True)
class Score:
    """One column (or whether it is missing) as a normal score.

    Parameters
    ----------
    column : int
        Its number.
    is_gap : bool
        Whether this says only that the value is missing (1) or not (0).
    low, high : ndarray of shape (n_rows,)
        Between which shares of all rows the row's value lies; NaN for missing ones.
    donors : Donors
        All values, in the order of their scores.
    """

    column: int
    is_gap: bool
    low: Floats
    high: Floats
    donors: Donors

    def centre(self) -> Floats:
        """Return the expected score of each row given its value."""
        width = np.maximum(self.high - self.low, 1e-12)
        return np.asarray((_density(self.low) - _density(self.high)) / width)

    def stretch(self) -> tuple[Floats, Floats]:
        """Return between which scores each row lies; anywhere where it is missing."""
        gone = np.isnan(self.low)
        low, high = np.where(gone, 0.0, self.low), np.where(gone, 1.0, self.high)
        return ndtri(low), ndtri(high)

    def values(self, score: Floats, rng: np.random.Generator) -> Floats:
        """Return the values that scores stand for."""
        return self.donors.take(np.zeros(len(score), dtype=np.intp), ndtr(score), rng)


def read_scores(table: Table, smoothing: Smoothing) -> tuple[Score, ...]:
    """Turn the columns of a table into scores.

    Levels of a category are ordered by the mean first principal component of the numbers, so
    that one correlation can say how it depends on them.
    """
    component = _component(table)
    found = []
    for number, column in enumerate(table.columns):
        values = table.values[:, number]
        gone = np.isnan(values)
        if gone.any():
            found.append(_score(number, gone.astype(float), gone.astype(float), "none", gap=True))
        if column.is_category:
            rank = _rank(values, column.n_levels, component)
            found.append(_score(number, values, rank, "none"))
        else:
            found.append(_score(number, values, values, smoothing))
    return tuple(found)


def to_values(
    scores: tuple[Score, ...], drawn: Floats, n_columns: int, rng: np.random.Generator
) -> Floats:
    """Return the values of all columns that rows of scores stand for."""
    found = np.zeros((len(drawn), n_columns))
    for number, score in enumerate(scores):
        values = score.values(drawn[:, number], rng)
        if score.is_gap:
            found[:, score.column] = np.where(values == 1, np.nan, 0.0)
        else:
            # a gap, set before, stays
            found[:, score.column] += values
    return found


def _score(
    column: int, values: Floats, rank: Floats, smoothing: Smoothing, *, gap: bool = False
) -> Score:
    present = ~np.isnan(values)
    levels, back, counts = np.unique(rank[present], return_inverse=True, return_counts=True)
    ends = np.concatenate([[0.0], np.cumsum(counts) / counts.sum()])
    low, high = np.full(len(values), np.nan), np.full(len(values), np.nan)
    low[present], high[present] = ends[back], ends[back + 1]
    order = np.argsort(rank[present], kind="stable")
    if smoothing == "none" or len(levels) == 1:
        ordered = values[present][order]
        still = np.zeros(len(ordered))
        donors = Donors(ordered, np.array([0, len(ordered)]), still, still, is_normal=False)
    else:
        whole = values[present]
        donors = make_donors(whole, np.zeros(len(whole), dtype=np.intp), 1, smoothing)
    return Score(column, gap, low, high, donors)


def _rank(values: Floats, n_levels: int, component: Floats) -> Floats:
    """Rank the levels by their mean component."""
    present = ~np.isnan(values)
    level: Ints = np.where(present, values, 0).astype(np.intp)
    sums = np.bincount(level[present], weights=component[present], minlength=n_levels)
    counts = np.bincount(level[present], minlength=n_levels)
    rank = np.argsort(np.argsort(sums / np.maximum(counts, 1), kind="stable")).astype(float)
    return np.where(present, rank[level], np.nan)


def _component(table: Table) -> Floats:
    numbers = [n for n, column in enumerate(table.columns) if not column.is_category]
    values = table.values[:, numbers]
    if not numbers:
        return np.zeros(len(table.values))
    ranks = np.argsort(np.argsort(np.nan_to_num(values, nan=0.0), axis=0), axis=0).astype(float)
    ranks[np.isnan(values)] = (len(values) - 1) / 2
    centred = ranks - ranks.mean(axis=0)
    return np.asarray(centred @ np.linalg.eigh(centred.T @ centred)[1][:, -1])


def _density(share: Floats) -> Floats:
    """Return the normal density at the quantile of a share; 0 at both ends."""
    at = ndtri(np.clip(share, 1e-300, 1 - 1e-16))
    inside = (share > 0) & (share < 1)
    return np.where(np.isnan(share), np.nan, inside * np.exp(-(at**2) / 2) / np.sqrt(2 * np.pi))
