"""How two columns are spread over common bins: numbers, dates, or categories."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from calmops_flows.compared import Shares

if TYPE_CHECKING:
    from numpy.typing import NDArray

N_BINS, N_LEVELS = 20, 8
OTHER = "(other)"


def is_date(column: pd.Series) -> bool:
    """Tell whether a column holds dates."""
    return bool(pd.api.types.is_datetime64_any_dtype(column))


def as_numbers(column: pd.Series) -> NDArray[np.float64] | None:
    """Return numbers as they are and dates as days, missing as NaN; None for other columns."""
    if is_date(column):
        plain = column.dt.tz_localize(None) if column.dt.tz is not None else column
        days = plain.to_numpy(dtype="datetime64[us]").astype(np.float64) / 86_400e6
        return np.where(column.isna(), np.nan, days)
    if pd.api.types.is_bool_dtype(column) or not pd.api.types.is_numeric_dtype(column):
        return None
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def shares(real: pd.Series, generated: pd.Series) -> Shares:
    """Return how two columns are spread over bins of the real one's range, or its categories.

    Numeric bins are of equal width between the smallest and largest value of both, without the
    outer thousandths, which fall into the first and last bin.
    """
    left, right = as_numbers(real), as_numbers(generated)
    if left is None or right is None:
        return _levels(real, generated)
    known = np.concatenate([left, right])
    known = known[np.isfinite(known)]
    if not len(known):
        return Shares(True, (), (), ())
    low, high = np.quantile(known, [0.001, 0.999])
    edges = np.linspace(low, high if high > low else low + 1.0, N_BINS + 1)
    found = [_binned(values, edges) for values in (left, right)]
    label = _day if is_date(real) else _number
    return Shares(True, tuple(label(edge) for edge in edges), found[0], found[1])


def _binned(values: NDArray[np.float64], edges: NDArray[np.float64]) -> tuple[float, ...]:
    known = values[~np.isnan(values)]
    place = np.clip(np.searchsorted(edges, known, side="right") - 1, 0, len(edges) - 2)
    counts = np.bincount(place, minlength=len(edges) - 1)
    return tuple((counts / max(len(known), 1)).tolist())


def _levels(real: pd.Series, generated: pd.Series) -> Shares:
    counts = [column.dropna().map(str).value_counts() for column in (real, generated)]
    both = counts[0].add(counts[1], fill_value=0).sort_values(ascending=False, kind="stable")
    names = [str(name) for name in both.index[:N_LEVELS]]
    found = []
    for one in counts:
        total = max(int(one.sum()), 1)
        part = [float(one.get(name, 0)) / total for name in names]
        rest = float(one.sum()) / total - sum(part)
        found.append((*part, max(rest, 0.0)) if len(both) > N_LEVELS else tuple(part))
    labels = (*names, OTHER) if len(both) > N_LEVELS else tuple(names)
    return Shares(False, labels, found[0], found[1])


def extent(column: pd.Series) -> str:
    """Return smallest and largest value, or the number of categories, as text."""
    values = as_numbers(column)
    if values is None:
        return f"{column.nunique()} categories"
    known = values[~np.isnan(values)]
    if not len(known):
        return "no value"
    label = _day if is_date(column) else _number
    return f"{label(known.min())} to {label(known.max())}"


def _number(value: float) -> str:
    return f"{value:.0f}" if 1e5 <= abs(value) < 1e9 else f"{value:.5g}"


def _day(days: float) -> str:
    return str(np.datetime64(round(days), "D"))
