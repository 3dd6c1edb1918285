"""Rows by block id; ids are text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from calmops_flows.data.source import natural_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Groups = Iterator[tuple[str | None, NDArray[np.intp]]]


def block_ids(column: Any) -> NDArray[Any]:
    """Return ids as text, None where missing; whole numbers lose their decimal point.

    Parameters
    ----------
    column : Series or array-like of shape (n,)
        Ids of any type.

    Returns
    -------
    ndarray of object of shape (n,)
        Each a str or None.

    Examples
    --------
    >>> block_ids([1.0, "1", 2.5, None]).tolist()
    ['1', '1', '2.5', None]
    """
    codes, levels = pd.factorize(np.asarray(column, dtype=object))
    texts = np.array([*(_text(level) for level in levels), None], dtype=object)
    return texts[codes]


def _text(level: Any) -> str:
    if isinstance(level, float) and level.is_integer():
        level = int(level)
    return str(level)


def groups(ids: NDArray[Any]) -> Groups:
    """Give each id, in natural order and None last, with its row numbers, rising."""
    codes, levels = pd.factorize(ids)
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(-1, len(levels) + 1))
    rows = {level: order[starts[i + 1] : starts[i + 2]] for i, level in enumerate(levels)}
    for level in sorted(rows, key=natural_key):
        yield level, rows[level]
    if starts[1]:
        yield None, order[: starts[1]]


def take(X: Any, rows: NDArray[np.intp]) -> Any:
    """Return some rows of a frame or an array."""
    return X.iloc[rows] if hasattr(X, "iloc") else X[rows]


def ordered(by_block: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same by block id, in natural order."""
    return {block: by_block[block] for block in sorted(by_block, key=natural_key)}
