"""Several tables with the same columns, as numbers of one meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from calmops_flows.errors import SpecError
from calmops_flows.generators.synthesis.columns import read_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from calmops_flows.generators.synthesis.columns import Column, Floats


@dataclass(frozen=True, slots=True)
class Samples:
    """Tables as numbers.

    Parameters
    ----------
    columns : tuple of Column
        What the columns mean; those that name rows are left out.
    parts : tuple of ndarray of shape (n_rows, n_columns)
        One for each table; NaN for missing.
    """

    columns: tuple[Column, ...]
    parts: tuple[Floats, ...]

    def at(self, name: str) -> int:
        """Return the number of a column.

        Raises
        ------
        SpecError
            If it is not there.
        """
        names = [column.name for column in self.columns]
        if name not in names:
            raise SpecError(f"no column {name!r} to measure; columns: {', '.join(names[:10])}")
        return names.index(name)

    def features(self, *, without: int | None = None) -> list[Floats]:
        """Return each table as numbers whose squared distances mean something.

        Numbers are divided by their standard deviation in the first table, a gap is a feature of
        its own, and two different categories lie 1 apart.
        """
        wide = [self._wide(number) for number in range(len(self.columns)) if number != without]
        return [np.hstack([column[part] for column in wide]) for part in range(len(self.parts))]

    def _wide(self, number: int) -> list[Floats]:
        column = self.columns[number]
        values = [part[:, number] for part in self.parts]
        if column.is_category:
            levels = np.append(np.arange(column.n_levels), np.nan)
            return [
                np.column_stack([_same(one, level) for level in levels]) / np.sqrt(2)
                for one in values
            ]
        real = values[0][~np.isnan(values[0])]
        centre, spread = (real.mean(), real.std() or 1.0) if len(real) else (0.0, 1.0)
        return [
            np.column_stack([np.nan_to_num((one - centre) / spread), np.isnan(one)])
            for one in values
        ]


def _same(values: Floats, level: float) -> NDArray[np.bool_]:
    return np.isnan(values) if np.isnan(level) else values == level


def read_samples(frames: Sequence[pd.DataFrame]) -> Samples:
    """Turn tables into numbers of one meaning.

    Raises
    ------
    SpecError
        If their columns differ, or one of them has no rows.
    """
    for frame in frames:
        if set(frame.columns) != set(frames[0].columns):
            apart = sorted(set(frame.columns) ^ set(frames[0].columns), key=str)
            raise SpecError(f"the tables have different columns: {', '.join(map(str, apart[:10]))}")
        if not len(frame):
            raise SpecError("a table to measure has no rows")
    names = list(frames[0].columns)
    table = read_columns(pd.concat([frame[names] for frame in frames], ignore_index=True))
    ends = np.cumsum([len(frame) for frame in frames])[:-1]
    return Samples(table.columns, tuple(np.split(table.values, ends)))


def thinned(frame: pd.DataFrame, n_rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return at most so many rows, drawn at random."""
    if len(frame) <= n_rows:
        return frame
    return frame.iloc[np.sort(rng.choice(len(frame), n_rows, replace=False))]
