"""Columns of a real table as numbers that methods can learn, and back again as they were."""

from __future__ import annotations

import datetime as dt
import decimal
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from calmops_flows.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Sequence

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
MAX_DECIMALS = 6
MIN_LABELS = 20
"""A text column of at least so many distinct values can name its rows."""
_UNITS = (86_400_000_000_000, 3_600_000_000_000, 60_000_000_000, 1_000_000_000, 1_000_000, 1_000, 1)


@dataclass(frozen=True, slots=True)
class Column(ABC):
    """One column: how its values become numbers, and numbers values."""

    name: str
    dtype: Any
    gone: Any
    """What stands for a missing value in it."""

    is_category: ClassVar[bool] = False
    n_levels: ClassVar[int] = 0

    @abstractmethod
    def encode(self, series: pd.Series) -> Floats:
        """Return numbers, NaN for missing values."""

    @abstractmethod
    def decode(self, values: Floats) -> pd.Series:
        """Return values of the column's own type."""


@dataclass(frozen=True, slots=True)
class Number(Column):
    """Numbers, rounded as finely as those that were given and never beyond them."""

    decimals: int | None
    low: float
    high: float

    def encode(self, series: pd.Series) -> Floats:
        """Return the numbers."""
        return np.asarray(pd.to_numeric(series).to_numpy(dtype=float, na_value=np.nan))

    def decode(self, values: Floats) -> pd.Series:
        """Return numbers of the column's own type."""
        rounded = values if self.decimals is None else np.round(values, self.decimals)
        rounded = np.clip(rounded, self.low, self.high)
        if self.dtype == object:
            places = decimal.Decimal(1).scaleb(-(self.decimals or 0))
            cells = [
                self.gone if np.isnan(one) else decimal.Decimal(one).quantize(places)
                for one in rounded.tolist()
            ]
            return pd.Series(cells, name=self.name, dtype=object)
        return pd.Series(rounded, name=self.name).astype(self.dtype)


@dataclass(frozen=True, slots=True)
class Moment(Column):
    """Dates and times, as whole units (days, hours, …) since the first of them."""

    first: int
    unit: int
    high: float
    is_day: bool
    """Whether they were plain dates (objects of `datetime.date`)."""

    def encode(self, series: pd.Series) -> Floats:
        """Return units since the first."""
        whole = _nanoseconds(series)
        values = (whole - self.first) / self.unit
        return np.where(series.isna().to_numpy(), np.nan, values)

    def decode(self, values: Floats) -> pd.Series:
        """Return dates and times of the column's own type."""
        gone = np.isnan(values)
        whole = np.clip(np.round(np.where(gone, 0, values)), 0, self.high).astype(np.int64)
        moments = pd.Series(pd.to_datetime(whole * self.unit + self.first), name=self.name)
        moments = moments.mask(gone)
        if self.is_day:
            cells = [
                self.gone if lost else one.date()
                for one, lost in zip(moments.tolist(), gone.tolist(), strict=True)
            ]
            return pd.Series(cells, name=self.name, dtype=object)
        if isinstance(self.dtype, pd.DatetimeTZDtype):
            return moments.dt.tz_localize("UTC").astype(self.dtype)
        return moments.astype(self.dtype)


@dataclass(frozen=True, slots=True)
class Category(Column):
    """One of several values, of any type."""

    levels: pd.Index

    is_category: ClassVar[bool] = True

    @property
    def n_levels(self) -> int:  # type: ignore[override]
        """How many values there are."""
        return len(self.levels)

    def encode(self, series: pd.Series) -> Floats:
        """Return numbers of levels; values that are no level count as missing."""
        codes = self.levels.get_indexer(pd.Index(series)).astype(float)
        return np.where(codes < 0, np.nan, codes)

    def decode(self, values: Floats) -> pd.Series:
        """Return the values."""
        gone = np.isnan(values)
        cells = self.levels.take(np.where(gone, 0, values).astype(np.intp))
        found: pd.Series = pd.Series(cells, name=self.name, dtype=self.dtype)
        if gone.any():
            found = found.mask(gone, self.gone)
        return found


@dataclass(frozen=True, slots=True)
class Table:
    """A table as numbers.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns)
        Numbers and numbers of levels; NaN for missing.
    columns : tuple of Column
        What they mean.
    labels : tuple of str
        Columns that name rows; they get running numbers of their own.
    names : tuple of str
        All columns, in their order.
    """

    values: Floats
    columns: tuple[Column, ...]
    labels: tuple[str, ...]
    names: tuple[str, ...]

    def at(self, name: str) -> int:
        """Return the number of a column.

        Raises
        ------
        SpecError
            If it is not there, or only names rows.
        """
        for number, column in enumerate(self.columns):
            if column.name == name:
                return number
        if name in self.labels:
            raise SpecError(f"column {name!r} only names the rows, so nothing can depend on it")
        raise no_column(name, self.names)

    def decode(self, values: Floats) -> pd.DataFrame:
        """Return a table of the columns' own types, in their order."""
        found = {
            column.name: column.decode(values[:, number])
            for number, column in enumerate(self.columns)
        }
        for name in self.labels:
            found[name] = pd.Series([f"{name}-{row:07}" for row in range(1, len(values) + 1)])
        return pd.DataFrame({name: found[name] for name in self.names})


def no_column(name: object, names: Sequence[str]) -> SpecError:
    """Return the error that says that a column is not there."""
    more = f" … and {len(names) - 10} more" if len(names) > 10 else ""
    return SpecError(f"no column {name!r}; columns: {', '.join(map(str, names[:10]))}{more}")


def read_columns(frame: pd.DataFrame) -> Table:
    """Find out what the columns are, and turn them into numbers.

    Raises
    ------
    SpecError
        If there are no rows or columns, or a column is missing throughout, is there twice, or
        holds what cannot be compared or infinite numbers.
    """
    names = tuple(frame.columns)
    if len(frame) < 2 or not names:
        raise SpecError(f"synthesis needs at least 2 rows and a column, got shape {frame.shape}")
    if len(set(names)) != len(names) or not all(isinstance(name, str) for name in names):
        raise SpecError("the names of the columns must be different texts")
    empty = [name for name in names if frame[name].isna().all()]
    if empty:
        raise SpecError(f"column {empty[0]!r} holds missing values only; leave it out")
    labels = tuple(name for name in names if _names_rows(frame[name]))
    columns = tuple(_column(frame[name]) for name in names if name not in labels)
    if not columns:
        raise SpecError(f"nothing can be learnt: {', '.join(labels[:10])} only name the rows")
    values = np.column_stack([column.encode(frame[column.name]) for column in columns])
    return Table(values, columns, labels, names)


def _column(series: pd.Series) -> Column:
    present = series.dropna()
    gone = series[series.isna()].iloc[0] if len(present) < len(series) else None
    start = (str(series.name), series.dtype, gone)
    kinds = set(map(type, present)) if series.dtype == object else set()
    if pd.api.types.is_datetime64_any_dtype(series) or kinds == {dt.date}:
        whole = _nanoseconds(present)
        first = int(whole.min())
        unit = next(size for size in _UNITS if not ((whole - first) % size).any())
        high = float((whole.max() - first) // unit)
        return Moment(*start, first=first, unit=unit, high=high, is_day=bool(kinds))
    if kinds == {decimal.Decimal} or (
        pd.api.types.is_numeric_dtype(series) and not pd.api.types.is_bool_dtype(series)
    ):
        return _number(present, start)
    try:
        levels = pd.Index(pd.unique(present))
    except TypeError as err:
        raise SpecError(f"column {series.name!r} holds values that cannot be counted") from err
    if isinstance(levels, pd.CategoricalIndex):
        levels = pd.Index(levels.categories.take(levels.codes))
    return Category(*start, levels=levels)


def _number(present: pd.Series, start: tuple[str, Any, Any]) -> Number:
    cells = present.to_numpy() if isinstance(present.dtype, np.dtype) else present.to_numpy(float)
    cells = cells.astype(float) if cells.dtype == object else cells
    if not np.isfinite(cells).all():
        raise SpecError(
            f"column {start[0]!r} holds infinite numbers; make them missing or cap them"
        )
    decimals = next(
        (n for n in range(MAX_DECIMALS + 1) if np.array_equal(np.round(cells, n), cells)), None
    )
    return Number(*start, decimals=decimals, low=float(cells.min()), high=float(cells.max()))


def _nanoseconds(series: pd.Series) -> NDArray[np.int64]:
    moments = pd.to_datetime(series) if series.dtype == object else series
    return moments.to_numpy(dtype="datetime64[ns]").view(np.int64)


def _names_rows(series: pd.Series) -> bool:
    """Whether a text column is different in most rows, as names and keys are."""
    present = series.dropna()
    if not (series.dtype == object or pd.api.types.is_string_dtype(series)):
        return False
    if len(present) < MIN_LABELS or not all(isinstance(cell, str) for cell in present):
        return False
    n_distinct = present.nunique()
    return bool(n_distinct >= MIN_LABELS and n_distinct > len(present) / 2)
