"""Rows to try a compiled model on: some that it was fitted on, others drawn from the contract."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from calmops_flows.data.kinds import KEY
from calmops_flows.serving.payload import Payload

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from calmops_flows.data.contract import ColumnContract, Contract

_DRAWN = 48
_ALONE = 4
_EXTREMES = (0.0, -1.0, 1e-300, 1e30, -1e300)
_FIRST, _DAYS = dt.date(1990, 1, 1), 20_000


def trials(contract: Contract, golden: pa.Table | None) -> Iterator[Payload]:
    """Yield rows as clients would send them, first together, then some one by one.

    Parameters
    ----------
    contract : Contract
        What columns and values there are.
    golden : pyarrow.Table or None
        Rows that the model was fitted on.

    Yields
    ------
    Payload
        The same for the same contract and table.
    """
    kept: dict[str, list[Any]] = {}
    if golden is not None:
        kept = {c: [_sent(v) for v in golden.column(c).to_pylist()] for c in golden.column_names}
    rng = np.random.default_rng(0)
    drawn = {
        column.name: [_drawn(column, rng) for _ in range(_DRAWN)]
        for column in contract.columns
        if column.name != contract.target and column.type != KEY
    }
    lengths = [(rows, len(next(iter(rows.values()), []))) for rows in (drawn, kept)]
    for rows, n_rows in lengths:
        if n_rows:
            yield Payload(rows, (), n_rows)
    for rows, n_rows in lengths:
        for row in range(min(n_rows, _ALONE)):
            yield Payload({name: [values[row]] for name, values in rows.items()}, (), 1)


def _sent(value: Any) -> Any:
    """Return a value as JSON has it."""
    if isinstance(value, dt.date):  # moments are dates, too
        return value.isoformat()
    return None if isinstance(value, float) and math.isnan(value) else value


def _drawn(column: ColumnContract, rng: np.random.Generator) -> Any:
    if column.type == "null" or rng.random() < 0.1:
        return None
    if column.type == "bool":
        return bool(rng.random() < 0.5)
    if column.type in {"int", "float"}:
        return _number(column, rng)
    day = _FIRST + dt.timedelta(days=int(rng.integers(_DAYS)))
    if column.type == "date":
        return day.isoformat()
    if column.type == "timestamp":
        return f"{day.isoformat()}T{rng.integers(24):02}:{rng.integers(60):02}:00"
    levels = column.categories or ("a",)
    return "never seen" if rng.random() < 0.1 else levels[int(rng.integers(len(levels)))]


def _number(column: ColumnContract, rng: np.random.Generator) -> float | int:
    low, high = column.minimum or 0.0, column.maximum or 1.0
    if column.type == "float" and rng.random() < 0.1:
        return _EXTREMES[int(rng.integers(len(_EXTREMES)))]
    number = low + (high - low) * float(rng.uniform(-0.5, 1.5))
    return round(number) if column.type == "int" else number
