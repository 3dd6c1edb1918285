"""Tell keys from features: columns in which nearly every row has a value of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from calmops_flows.profiles import CategoricalColumn, NumericColumn

if TYPE_CHECKING:
    from calmops_flows.profiles import Column

IDENTIFIER = "identifier: nearly every row has a value of its own"
MIN_ROWS = 30
MIN_SHARE = 0.95
_MAX_GAPS = 1.1


def is_identifier(column: Column) -> bool:
    """Tell whether a column looks like a key.

    Its values are new in every batch by nature, so that a test of their
    distribution always alarms or never can.

    Parameters
    ----------
    column : Column
        Summary of one batch.

    Returns
    -------
    bool
        True for texts of which at least ``MIN_SHARE`` are distinct, and for whole
        numbers that are distinct and either rise from row to row or fill their
        range nearly without gaps. Never for numbers with a fraction, for other whole
        numbers, or below ``MIN_ROWS`` values.

    Examples
    --------
    >>> import numpy as np, pyarrow as pa
    >>> from calmops_flows.profiles import profile
    >>> rng = np.random.default_rng(0)
    >>> columns = profile(
    ...     pa.table(
    ...         {
    ...             "order": np.arange(500) * 3 + 7,
    ...             "token": [f"t{i}" for i in range(500)],
    ...             "price": rng.normal(size=500),
    ...         }
    ...     )
    ... ).columns
    >>> [name for name, column in columns.items() if is_identifier(column)]
    ['order', 'token']
    """
    if column.n_present < MIN_ROWS:
        return False
    if isinstance(column, CategoricalColumn):
        return _has_own_levels(column)
    return isinstance(column, NumericColumn) and column.kind == "numeric" and _counts_up(column)


def _has_own_levels(column: CategoricalColumn) -> bool:
    if not len(column.counts):
        return False
    n_distinct = len(column.counts)
    if len(column.tail):
        # The levels of the tail are no more frequent than the least of those with a name.
        n_distinct += int(column.tail.sum()) // int(column.counts.min())
    return n_distinct >= MIN_SHARE * column.n_present


def _counts_up(column: NumericColumn) -> bool:
    values, n = column.values, column.n_present
    if column.n_infinite or not np.array_equal(values, np.rint(values)):
        return False
    allowed = (1.0 - MIN_SHARE) * n
    if not column.rank_error:
        n_repeated = float(n - len(values))
    else:  # more rows between two points than whole numbers
        n_repeated = float(np.clip(column.counts[1:] - np.diff(values), 0, None).sum())
    if n_repeated > allowed:
        return False
    is_gapless = values[-1] - values[0] < _MAX_GAPS * n
    return column.rising >= MIN_SHARE or bool(is_gapless)
