"""Two columns as counts over the same cells, and distances of counts with a calibrated null."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np

from calmops_flows.detectors.base import Finding, unfit
from calmops_flows.detectors.chi_square import count_table, pool_rare
from calmops_flows.detectors.contingency import fisher_exact
from calmops_flows.detectors.limit_laws import gamma_tail
from calmops_flows.detectors.paired import coarse, paired_or_finding
from calmops_flows.profiles import CategoricalColumn, Column

if TYPE_CHECKING:
    from numpy.typing import NDArray

N_BINS = 10
_ROWS_PER_BIN = 8
_DRAWS = 2_000
_MAX_DRAWN = 400_000
_MAX_TOTAL = 10**9


class Measure(Protocol):
    """Maps counts of shape (..., n_cells) to distances of shape (...)."""

    def __call__(
        self, reference: NDArray[np.int64], current: NDArray[np.int64], /
    ) -> NDArray[np.float64]:
        """Compare two histograms over the same cells."""


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Counts of two columns over the same cells.

    Attributes
    ----------
    table : ndarray of shape (2, n_cells)
        Rows of the reference and of the current column, at least two cells.
    inflation : float
        Rows that tell as much as one independent row.
    slack : float
        Bound of the error of the difference of two shares in a cell.
    """

    table: NDArray[np.int64]
    inflation: float = 1.0
    slack: float = 0.0


@dataclass(frozen=True, slots=True)
class Distance:
    """A distance of two histograms, with its law when nothing has changed.

    Attributes
    ----------
    value : float
        The distance.
    by_chance : float
        Its mean under no change.
    p_value : float
        Chance of one this large under no change.
    p_min : float
        Smallest p-value that the pooled counts allow, or a bound below it.
    """

    value: float
    by_chance: float
    p_value: float
    p_min: float = 0.0


def cells_or_finding(name: str, reference: Column, current: Column) -> Cells | Finding:
    """Return both columns over the same cells, or why there is nothing to compare.

    Parameters
    ----------
    name : str
        Detector, for the message.
    reference, current : Column
        Two numeric columns, cut at pooled quantiles into up to ``N_BINS`` cells, or two
        categorical ones, rare levels pooled. Cells depend on the pooled rows alone.

    Returns
    -------
    Cells or Finding
        A finding when a column has too few values, the kinds differ, or both are
        one and the same constant.
    """
    if isinstance(reference, CategoricalColumn) and isinstance(current, CategoricalColumn):
        reason = unfit(reference, current)
        if reason is not None:
            return Finding.untestable(reason)
        table = count_table(reference, current)
        if table.shape[1] == 1:
            return Finding.unchanged()
        return Cells(pool_rare(table), max(reference.inflation, current.inflation))
    both = paired_or_finding(name, reference, current)
    if isinstance(both, Finding):
        return both
    n_bins = int(min(both.n, both.m) // _ROWS_PER_BIN)
    binned = coarse(both, min(max(n_bins, 2), N_BINS))
    if binned.is_constant:
        binned = coarse(both, len(both.points))
    table = np.stack((binned.reference, binned.current))
    inflation = float(table.sum()) / (both.n + both.m)
    return Cells(pool_rare(table), max(inflation, 1.0), 2.0 * both.slack)


def smoothed(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return shares with half a row added to each cell (Jeffreys).

    Parameters
    ----------
    counts : ndarray of shape (..., n_cells)
        Rows.

    Returns
    -------
    ndarray of shape (..., n_cells)
        Positive shares that sum to 1.
    """
    padded = counts + 0.5
    shares: NDArray[np.float64] = padded / padded.sum(axis=-1, keepdims=True)
    return shares


def shares(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return plain shares.

    Parameters
    ----------
    counts : ndarray of shape (..., n_cells)
        Rows.

    Returns
    -------
    ndarray of shape (..., n_cells)
        Shares that sum to 1.
    """
    plain: NDArray[np.float64] = counts / counts.sum(axis=-1, keepdims=True)
    return plain


def compare_cells(
    cells: Cells,
    measure: Measure,
    *,
    power: float,
    error: float,
) -> Distance:
    """Compare two histograms, calibrated by the permutation law of the counts.

    Given the pooled counts, the current ones are multivariate hypergeometric when
    nothing has changed. The mean and variance of the distance (to a power that makes
    it quadratic) under that law, from draws seeded by the sizes, are matched by a
    gamma law, so that the level depends neither on the sizes nor on the number of
    cells. Two cells are Fisher's exact test.

    Parameters
    ----------
    cells : Cells
        Two histograms.
    measure : Measure
        Maps counts of shape (..., n_cells) to distances of shape (...).
    power : float
        Power that makes the distance quadratic in small differences.
    error : float
        How much of the quadratic distance's root may be due to rank errors.

    Returns
    -------
    Distance
        With its p-value.
    """
    table = cells.table
    value = float(measure(table[0], table[1]))
    drawn = _draws(table)
    distances = measure(drawn[0], drawn[1])
    quadratic = distances**power * cells.inflation
    by_chance = float(distances.mean()) * cells.inflation ** (1.0 / power)
    if table.shape[1] == 2 and cells.inflation == 1.0 and not cells.slack:
        n, m = (int(size) for size in table.sum(axis=1))
        return Distance(value, by_chance, *fisher_exact(int(table[0, 0]), n, int(table[1, 0]), m))
    certain = max(value ** (power / 2.0) - error, 0.0) ** 2
    return Distance(
        value, by_chance, gamma_tail(certain, float(quadratic.mean()), float(quadratic.var()))
    )


@dataclass(frozen=True, slots=True)
class Divergence:
    """What detectors share whose distance is quadratic in small differences of shares.

    The effect is the distance less its mean under no change. Members name a
    ``measure``, the ``curvature`` c of its approximation ``c * sum((p - q)^2 / h)``, and
    whether statistic and effect are its root.
    """

    measure: ClassVar[Measure]
    curvature: ClassVar[float]
    is_rooted: ClassVar[bool] = False

    name: str
    kinds: frozenset[str] = frozenset({"numeric", "categorical"})
    min_effect: float = 0.0

    def __call__(self, reference: Column, current: Column) -> Finding:
        """Test two columns."""
        cells = cells_or_finding(self.name, reference, current)
        if isinstance(cells, Finding):
            return cells
        error = root_error(cells, self.curvature)
        found = compare_cells(cells, type(self).measure, power=1.0, error=error)
        value, effect = found.value, max(found.value - found.by_chance, 0.0)
        if self.is_rooted:
            value, effect = math.sqrt(value), math.sqrt(effect)
        return Finding(value, found.p_value, effect, found.p_min)


def root_error(cells: Cells, curvature: float) -> float:
    """Bound the root of a distance near ``curvature * sum((p - q)^2 / h)`` by rank errors.

    Parameters
    ----------
    cells : Cells
        Two histograms.
    curvature : float
        Factor of the quadratic approximation.

    Returns
    -------
    float
        0 when the counts are exact.
    """
    pooled = cells.table.sum(axis=0) / cells.table.sum()
    return math.sqrt(curvature * float((cells.slack**2 / pooled).sum()))


def _draws(table: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    totals, m = table.sum(axis=0), int(table[1].sum())
    while totals.sum() >= _MAX_TOTAL:
        totals, m = totals // 2 + 1, m // 2 + 1
    n_draws = max(200, min(_DRAWS, _MAX_DRAWN // len(totals)))
    rng = np.random.default_rng([int(totals.sum()), m, len(totals)])
    current = rng.multivariate_hypergeometric(totals, m, size=n_draws, method="marginals")
    return totals - current, current
