"""Serial dependence of rows: measured in profiles, reported, and corrected for."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from calmops_flows.profiles import Column, CountedColumn

if TYPE_CHECKING:
    from collections.abc import Iterable

    from calmops_flows.profiles import Profile

_SIGNIFICANT = 4.0
_NOTED = 0.05
_LARGEST = 0.99


def is_dependent(column: Column) -> bool:
    """Tell whether consecutive rows are more alike than chance makes them.

    Parameters
    ----------
    column : Column
        Any column; counted ones have no order.

    Returns
    -------
    bool
        Autocorrelation above .05 and four standard errors.
    """
    if isinstance(column, CountedColumn):
        return False
    chance = _SIGNIFICANT / math.sqrt(max(column.n_present, 1))
    return column.autocorrelation > max(chance, _NOTED)


def inflated(column: Column) -> Column:
    """Let a column count for as many rows as are independent [1]_.

    A first-order autoregression is assumed: with autocorrelation r, a mean over n
    rows varies as one over ``n (1 - r) / (1 + r)`` independent rows.

    Parameters
    ----------
    column : Column
        Any column; counted ones are returned as they are.

    Returns
    -------
    Column
        With its ``inflation`` set.

    References
    ----------
    .. [1] G. V. Bayley and J. M. Hammersley, The effective number of independent
       observations in an autocorrelated time series, Supplement to the Journal of
       the Royal Statistical Society 8, 1946, 184-197.
    """
    if isinstance(column, CountedColumn):
        return column
    noise = 2.0 / math.sqrt(max(column.n_present, 1))
    r = min(column.autocorrelation + noise / 2.0, _LARGEST)
    return column if r <= noise else replace(column, inflation=(1.0 + r) / (1.0 - r))


def dependence_notes(profiles: Iterable[Profile], *, corrected: bool) -> tuple[str, ...]:
    """Say which columns' rows depend on the rows before them.

    Parameters
    ----------
    profiles : iterable of Profile
        The two batches.
    corrected : bool
        Whether the p-values take it into account.

    Returns
    -------
    tuple of str
        One note, or none.
    """
    names = dict.fromkeys(
        name for p in profiles for name, column in p.columns.items() if is_dependent(column)
    )
    if not names:
        return ()
    shown = ", ".join(repr(name) for name in list(names)[:10])
    more = f" … and {len(names) - 10} more" if len(names) > 10 else ""
    effect = (
        "p-values count their independent rows"
        if corrected
        else "the error rate holds for independent rows; see dependence: block"
    )
    return (f"consecutive rows are alike in {shown}{more}: {effect}",)
