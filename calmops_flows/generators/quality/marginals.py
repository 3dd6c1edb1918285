"""Single columns and pairs of columns, real beside generated."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from calmops_flows.generators.quality.samples import Samples
    from calmops_flows.generators.synthesis.columns import Column, Floats, Ints

BINS = 10


@dataclass(frozen=True, slots=True)
class Marginal:
    """One column, real beside generated.

    Parameters
    ----------
    name : str
        The column.
    measure : {"ks", "tvd"}
        Greatest distance of the distribution functions (numbers, dates), or total variation
        distance (categories).
    distance : float
        Of the values that are there; from 0 to 1.
    missing : float
        Share of missing values, generated less real.
    mean_shift : float or None
        Generated less real mean, in real standard deviations; None for categories.
    spread : float or None
        Generated over real standard deviation; None for categories and constants.
    """

    name: str
    measure: Literal["ks", "tvd"]
    distance: float
    missing: float
    mean_shift: float | None
    spread: float | None


@dataclass(frozen=True, slots=True)
class Pair:
    """Two columns, real beside generated.

    Parameters
    ----------
    left, right : str
        The columns.
    measure : {"correlation", "contingency"}
        Pearson's correlation (two numbers), or the shares of all pairs of values; numbers are
        cut at the real deciles there.
    error : float
        Distance of the two correlations, or total variation distance of the two tables.
    """

    left: str
    right: str
    measure: Literal["correlation", "contingency"]
    error: float


def compare_columns(samples: Samples) -> tuple[Marginal, ...]:
    """Compare each column of the first table (real) with that of the second (generated)."""
    real, new = samples.parts[:2]
    return tuple(
        _marginal(column, real[:, number], new[:, number])
        for number, column in enumerate(samples.columns)
    )


def compare_pairs(samples: Samples) -> tuple[Pair, ...]:
    """Compare each pair of columns of the first table with that of the second."""
    columns = samples.columns
    cells = [_cells(column, samples, number) for number, column in enumerate(columns)]
    found = []
    for i, j in combinations(range(len(columns)), 2):
        if columns[i].is_category or columns[j].is_category:
            error = _contingency(cells[i], cells[j])
            found.append(Pair(columns[i].name, columns[j].name, "contingency", error))
            continue
        apart = [_correlation(part[:, i], part[:, j]) for part in samples.parts[:2]]
        if None not in apart:
            error = abs(float(apart[0] or 0.0) - float(apart[1] or 0.0))
            found.append(Pair(columns[i].name, columns[j].name, "correlation", error))
    return tuple(found)


def _marginal(column: Column, real: Floats, new: Floats) -> Marginal:
    missing = float(np.isnan(new).mean() - np.isnan(real).mean())
    real, new = real[~np.isnan(real)], new[~np.isnan(new)]
    if not len(real) or not len(new):
        distance = float(len(real) != len(new))
        return Marginal(
            column.name, "tvd" if column.is_category else "ks", distance, missing, None, None
        )
    if column.is_category:
        shares = [
            np.bincount(one.astype(int), minlength=column.n_levels) / len(one)
            for one in (real, new)
        ]
        return Marginal(column.name, "tvd", _half(*shares), missing, None, None)
    spread = float(real.std())
    return Marginal(
        column.name,
        "ks",
        kolmogorov_smirnov(real, new),
        missing,
        float(new.mean() - real.mean()) / spread if spread else None,
        float(new.std()) / spread if spread else None,
    )


def kolmogorov_smirnov(real: Floats, new: Floats) -> float:
    """Return the greatest distance of two distribution functions.

    Examples
    --------
    >>> kolmogorov_smirnov(np.array([1.0, 2.0, 3.0, 4.0]), np.array([3.0, 4.0]))
    0.5
    """
    at = np.concatenate([real, new])
    below = [np.searchsorted(np.sort(one), at, side="right") / len(one) for one in (real, new)]
    return float(np.abs(below[0] - below[1]).max())


def _half(left: Floats, right: Floats) -> float:
    return float(np.abs(left - right).sum() / 2)


def _correlation(left: Floats, right: Floats) -> float | None:
    both = ~np.isnan(left) & ~np.isnan(right)
    left, right = left[both], right[both]
    if len(left) < 2 or left.std() == 0 or right.std() == 0:
        return None
    return float(np.corrcoef(left, right)[0, 1])


def _cells(column: Column, samples: Samples, number: int) -> list[Ints]:
    """Return the cell of each value; the last one is for missing values."""
    real, new = (part[:, number] for part in samples.parts[:2])
    if column.is_category:
        n, cells = column.n_levels, [real, new]
    else:
        cuts = (
            np.unique(np.nanquantile(real, np.linspace(0, 1, BINS + 1)[1:-1]))
            if not np.isnan(real).all()
            else np.zeros(0)
        )
        n, cells = (
            BINS,
            [
                np.where(np.isnan(one), np.nan, np.searchsorted(cuts, one, side="right"))
                for one in (real, new)
            ],
        )
    return [np.where(np.isnan(one), n, one).astype(np.intp) for one in cells]


def _contingency(
    left: list[Ints],
    right: list[Ints],
) -> float:
    width = max(int(one.max()) for one in right) + 1
    joint = [a * width + b for a, b in zip(left, right, strict=True)]
    n = max(int(one.max()) for one in joint) + 1
    return _half(*(np.bincount(one, minlength=n) / len(one) for one in joint))
