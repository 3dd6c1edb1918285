"""Rows of several snapshots as one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence


def concatenated(tables: Sequence[pa.Table]) -> pa.Table:
    """Put tables of one contract below one another.

    Parameters
    ----------
    tables : sequence of pyarrow.Table
        At least one; a column that only some have is null in the others, and numbers widen.

    Returns
    -------
    pyarrow.Table
        All rows, in the order of the tables.

    Examples
    --------
    >>> concatenated([pa.table({"x": [1]}), pa.table({"x": [0.5]})])["x"].to_pylist()
    [1.0, 0.5]
    """
    filled = [table for table in tables if table.num_rows]
    if len(filled) < 2:
        return (filled or list(tables))[0]
    return pa.concat_tables(filled, promote_options="permissive")
