"""Methods that draw whole rows, and how given columns are met by choosing among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from calmops_flows.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from calmops_flows.generators.synthesis.columns import Floats, Table

POOLS = 200
"""Pools of rows among which those with given categories are looked for."""
FEW = 20
"""A number with at most so many values is met as a category is: by looking for it."""


class Free(Protocol):
    """What draws whole rows."""

    def draw(self, n_rows: int, rng: np.random.Generator) -> Floats:
        """Draw rows."""
        ...


@dataclass(frozen=True, slots=True)
class Matched:
    """Rows drawn freely, kept where they have the given categories, or numbers of few values.

    Other given numbers and dates that differ from row to row are met by rank: the row with the
    smallest drawn value takes the place of the smallest given one, and so on, within the given
    categories.
    """

    table: Table
    free: Free

    def draw(self, n_rows: int, rng: np.random.Generator, fixed: Mapping[int, Floats]) -> Floats:
        """Draw rows; columns that are given are met.

        Raises
        ------
        SpecError
            If a number is fixed to one value, or given categories are too rare to be found.
        """
        kinds = [number for number in fixed if self._is_looked_for(number)]
        ranked = [number for number in fixed if number not in kinds]
        for number in ranked:
            if len(np.unique(fixed[number])) == 1 < n_rows:
                raise SpecError(
                    f"this method cannot fix the number {self.table.columns[number].name!r} to "
                    "one value; use cart, rf or lgbm"
                )
        found = np.empty((n_rows, len(self.table.columns)))
        wished = np.column_stack([np.zeros(n_rows), *(fixed[number] for number in kinds)])
        groups, group = np.unique(np.nan_to_num(wished, nan=-1), axis=0, return_inverse=True)
        pending = np.ones(n_rows, dtype=bool)
        for _ in range(POOLS):
            pool = self._pool(max(n_rows, 100), kinds, rng)
            for number, key in enumerate(groups):
                fits = np.flatnonzero(
                    (np.nan_to_num(pool[:, kinds], nan=-1) == key[1:]).all(axis=1)
                )
                rows = np.flatnonzero(pending & (group.ravel() == number))[: len(fits)]
                found[rows], pending[rows] = pool[fits[: len(rows)]], False
            if not pending.any():
                break
        else:
            names = ", ".join(self.table.columns[number].name for number in kinds)
            raise SpecError(f"rows with the given {names} are too rare; use cart, rf or lgbm")
        for number in ranked:
            drawn = np.lexsort((found[:, number], group.ravel()))
            found[np.lexsort((fixed[number], group.ravel()))] = found[drawn]
            found[:, number] = fixed[number]
        return found

    def _is_looked_for(self, number: int) -> bool:
        values = self.table.values[:, number]
        is_category = self.table.columns[number].is_category
        return is_category or len(np.unique(values[~np.isnan(values)])) <= FEW

    def _pool(self, n_rows: int, kinds: list[int], rng: np.random.Generator) -> Floats:
        """Draw rows; what is looked for is as it will be written."""
        pool = self.free.draw(n_rows, rng)
        for number in kinds:
            column = self.table.columns[number]
            pool[:, number] = column.encode(column.decode(pool[:, number]))
        return pool
