"""Rows that may stay, and rows that are drawn again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from calmops_flows.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from calmops_flows.generators.synthesis.base import Learnt
    from calmops_flows.generators.synthesis.columns import Floats, Table
    from calmops_flows.generators.synthesis.rules import Rules

ROUNDS = 50


@dataclass(frozen=True, slots=True)
class Drawn:
    """Rows, and what it took to get them.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns)
        As a table's columns encode them, rounded as they will be written.
    n_redrawn : int
        Rows that were drawn again because they copied a row that is there once.
    n_copies : int
        Such copies that are still there, because nothing else was found.
    """

    values: Floats
    n_redrawn: int
    n_copies: int


def draw_rows(
    learnt: Learnt,
    table: Table,
    n_rows: int,
    rng: np.random.Generator,
    fixed: Mapping[int, Floats],
    *,
    rules: Rules,
    copies: bool = False,
) -> Drawn:
    """Draw rows; one that breaks a rule or copies a row that is there once is drawn again.

    Parameters
    ----------
    learnt : Learnt
        What draws.
    table : Table
        What was learnt.
    n_rows : int
        How many rows.
    rng : numpy.random.Generator
        Where randomness comes from.
    fixed : mapping of int to ndarray of shape (n_rows,)
        Columns that are given.
    rules : Rules
        What the rows must keep.
    copies : bool, default False
        Whether copies may stay.

    Raises
    ------
    SpecError
        If rows that keep the rules are too rare.
    """
    unique = Lookup(frozenset()) if copies else Lookup.of_unique(table.values)
    found = np.empty((n_rows, table.values.shape[1]))
    pending, n_redrawn = np.arange(n_rows), 0
    for _ in range(ROUNDS):
        given = {number: values[pending] for number, values in fixed.items()}
        found[pending] = settled(table, learnt.draw(len(pending), rng, given))
        copied = unique.holds(found[pending])
        broken = rules.broken(table.decode(found[pending]))
        n_redrawn += int(copied.sum())
        pending = pending[copied | broken]
        if not len(pending):
            break
    else:
        if broken.any():
            raise SpecError(
                f"{int(broken.sum())} of {n_rows} rows still broke a rule of the plan after "
                f"{ROUNDS} rounds; rows that keep bounds, where and dependencies are too rare"
            )
    return Drawn(found, n_redrawn, len(pending))


def settled(table: Table, values: Floats) -> Floats:
    """Return numbers as they are after they were written as values of the columns."""
    shown = [
        column.encode(column.decode(values[:, number]))
        for number, column in enumerate(table.columns)
    ]
    return np.column_stack(shown)


@dataclass(frozen=True, slots=True)
class Lookup:
    """A set of rows."""

    rows: frozenset[bytes]

    @classmethod
    def of(cls, values: Floats) -> Lookup:
        """Return the set of all rows."""
        return cls(frozenset(_keys(values)))

    @classmethod
    def of_unique(cls, values: Floats) -> Lookup:
        """Return the set of the rows that are there once."""
        keys, counts = np.unique(np.array(_keys(values), dtype=object), return_counts=True)
        return cls(frozenset(keys[counts == 1].tolist()))

    def holds(self, values: Floats) -> NDArray[np.bool_]:
        """Return which rows are in the set."""
        return np.array([key in self.rows for key in _keys(values)], dtype=bool)


def _keys(values: Floats) -> list[bytes]:
    # one form of zero, one of missing
    plain = np.where(np.isnan(values), np.nan, values + 0.0)
    return [row.tobytes() for row in np.ascontiguousarray(plain)]
