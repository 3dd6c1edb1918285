"""Column after column: each from a model of it given those before (fully conditional)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from calmops_flows.generators.synthesis.columns import no_column
from calmops_flows.generators.synthesis.ordering import Ordering, order_levels

if TYPE_CHECKING:
    from calmops_flows.generators.synthesis.columns import Column, Floats, Ints, Table


class ColumnModel(Protocol):
    """A distribution of one column given others."""

    def draw(self, X: Floats, rng: np.random.Generator) -> Floats:
        """Draw one value for each row of predictors."""
        ...


Fit = Callable[["Floats", "Floats", int, np.random.Generator], ColumnModel]
"""Predictors, values and their number of levels (0: numbers) to a model."""


HEAVY = 4.0
"""Kurtosis of a heavy tail; a normal one has 3."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A model of a column, and how predictors are shown to it."""

    ordering: Ordering
    model: ColumnModel

    def draw(self, before: Floats, rng: np.random.Generator) -> Floats:
        """Draw one value for each row."""
        return self.model.draw(self.ordering.apply(before), rng)


@dataclass(frozen=True, slots=True)
class Step:
    """How one column is drawn: first whether it is missing, then its value."""

    column: int
    gap: Shown | None
    value: Shown
    missing_level: int | None
    """The level that stands for a missing category."""

    def draw(self, before: Floats, rng: np.random.Generator) -> Floats:
        """Draw one value, or NaN, for each row."""
        found = self.value.draw(before, rng)
        if self.missing_level is not None:
            found = np.where(found == self.missing_level, np.nan, found)
        if self.gap is not None:
            found = np.where(self.gap.draw(before, rng) == 1, np.nan, found)
        return found


@dataclass(frozen=True, slots=True)
class Chain:
    """All columns of a table, each given those before."""

    order: tuple[int, ...]
    steps: tuple[Step, ...]

    def draw(self, n_rows: int, rng: np.random.Generator, fixed: Mapping[int, Floats]) -> Floats:
        """Draw rows; columns that are given are taken as they are."""
        found = np.empty((n_rows, len(self.order)))
        for done, step in enumerate(self.steps):
            if step.column in fixed:
                found[:, step.column] = fixed[step.column]
            else:
                found[:, step.column] = step.draw(found[:, self.order[:done]], rng)
        return found


def learn_chain(
    table: Table,
    fit: Fit,
    rng: np.random.Generator,
    *,
    visit: Sequence[str] = (),
    given: tuple[int, ...] = (),
    proper: bool = False,
) -> Chain:
    """Model each column given those before.

    Parameters
    ----------
    table : Table
        Real rows.
    fit : callable
        Makes the model of one column.
    rng : numpy.random.Generator
        Where randomness comes from.
    visit : sequence of str
        Columns to begin with, in this order; then come numbers with heavy tails, heaviest first
        (what is drawn first keeps its spread best), and the others as they stand in the table.
    given : tuple of int
        Numbers of columns that come before all others, as they will be given.
    proper : bool, default False
        Whether each model learns a bootstrap sample of the rows, so that what is drawn varies
        as much as estimates from so many rows do.

    Raises
    ------
    SpecError
        If a column to visit is not there.
    """
    order = _order(table, visit, given)
    steps = []
    for done, column in enumerate(order):
        rows = np.arange(len(table.values))
        if proper:
            rows = rng.integers(len(rows), size=len(rows))
            if np.isnan(table.values[rows, column]).all():
                rows = np.arange(len(rows))
        steps.append(_step(table, rows, order[:done], column, _Fitter(fit, rng)))
    return Chain(order, tuple(steps))


@dataclass(frozen=True, slots=True)
class _Fitter:
    fit: Fit
    rng: np.random.Generator

    def __call__(
        self, before: Floats, columns: Sequence[Column], target: Floats, n_levels: int
    ) -> Shown:
        ordering = order_levels(before, columns, target, n_levels)
        return Shown(ordering, self.fit(ordering.apply(before), target, n_levels, self.rng))


def _order(table: Table, visit: Sequence[str], given: tuple[int, ...]) -> tuple[int, ...]:
    names = [column.name for column in table.columns]
    for name in visit:
        if name not in names:
            raise no_column(name, names)
    wished = [*given, *(names.index(name) for name in visit), *_heavy_tails(table)]
    return tuple(dict.fromkeys([*wished, *range(len(names))]))


def _heavy_tails(table: Table) -> list[int]:
    """Return numbers whose standard deviation hangs on a few rows, heaviest tail first."""
    found = {}
    for number, column in enumerate(table.columns):
        values = table.values[:, number]
        values = values[~np.isnan(values)]
        if column.is_category or (variance := values.var()) == 0:
            continue
        kurtosis = np.mean((values - values.mean()) ** 4) / variance**2
        if kurtosis > HEAVY:
            found[number] = kurtosis
    return sorted(found, key=lambda number: -found[number])


def _step(table: Table, rows: Ints, before: tuple[int, ...], column: int, fit: _Fitter) -> Step:
    X, y = table.values[rows][:, before], table.values[rows, column]
    kinds = [table.columns[number] for number in before]
    meaning, gone = table.columns[column], np.isnan(y)
    if meaning.is_category:
        level = meaning.n_levels if gone.any() else None
        y = np.where(gone, meaning.n_levels, y)
        value = fit(X, kinds, y, meaning.n_levels + (level is not None))
        return Step(column, None, value, level)
    gap = fit(X, kinds, gone.astype(float), 2) if gone.any() else None
    return Step(column, gap, fit(X[~gone], kinds, y[~gone], 0), None)
