"""What new rows must satisfy beyond looking like real ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from calmops_flows.errors import SpecError
from calmops_flows.spec.base import Part

if TYPE_CHECKING:
    from calmops_flows.generators.synthesis.columns import Floats, Table


class Balance(Part):
    """Shares of the classes of a target."""

    target: str
    """The column."""
    shares: Literal["equal"] | dict[str, float] = "equal"
    """Each class with its share; they sum to 1, and classes left out do not occur."""


class Dependency(Part):
    """Columns that determine another one, as real rows show."""

    columns: tuple[str, ...] = Field(min_length=1)
    """What determines."""
    determines: str
    """What is determined."""


class Plan(Part):
    """What new rows must satisfy."""

    conditions: dict[str, Any] = Field(default_factory=dict)
    """Columns with the one value that all new rows have."""
    balance: Balance | None = None
    """Shares of classes."""
    where: str | None = None
    """A formula that is true in every new row, for example ``age >= 18 or income == 0``."""
    bounds: dict[str, tuple[float | None, float | None]] = Field(default_factory=dict)
    """Columns with their lowest and highest number; null for none."""
    dependencies: tuple[Dependency, ...] = ()
    """Columns that others determine; combinations that no real row has do not occur."""
    block: str | None = None
    """A column whose blocks come in the order and shares in which they came."""
    time: str | None = None
    """A column of dates or numbers whose real values are kept, in their order."""
    inject: Any = None
    """Drift to put into the new rows: a plan as `inject` takes."""


def given_columns(
    plan: Plan, table: Table, n_rows: int, rng: np.random.Generator
) -> dict[int, Floats]:
    """Return the columns that a plan fixes, as a table's columns encode them.

    Raises
    ------
    SpecError
        If a column or a value is not there, two parts of the plan fix one column, or a target
        to balance has a single class.
    """
    found: dict[int, Floats] = {}
    for name, value in plan.conditions.items():
        _put(found, table, name, np.full(n_rows, _encoded(table, name, value)))
    if plan.balance is not None:
        _put(found, table, plan.balance.target, _balanced(plan.balance, table, n_rows, rng))
    kept = [name for name in (plan.block, plan.time) if name is not None]
    if kept:
        rows = _in_order(plan, table, n_rows)
        for name in kept:
            _put(found, table, name, table.values[rows, table.at(name)])
    return found


def _put(found: dict[int, Floats], table: Table, name: str, values: Floats) -> None:
    if table.at(name) in found:
        raise SpecError(f"two parts of the plan fix the column {name!r}")
    found[table.at(name)] = values


def _encoded(table: Table, name: str, value: object) -> float:
    column = table.columns[table.at(name)]
    try:
        code = float(column.encode(pd.Series([value]))[0])
    except (TypeError, ValueError) as err:
        raise SpecError(f"conditions: {value!r} is no value for the column {name!r}") from err
    real = table.values[:, table.at(name)]
    if np.isnan(code) or not np.nanmin(real) <= code <= np.nanmax(real):
        raise SpecError(f"conditions: no real row has a value like {value!r} in {name!r}")
    return code


def _balanced(balance: Balance, table: Table, n_rows: int, rng: np.random.Generator) -> Floats:
    at = table.at(balance.target)
    codes = np.unique(table.values[~np.isnan(table.values[:, at]), at])
    names = [str(one) for one in table.columns[at].decode(codes).tolist()]
    if len(codes) < 2:
        raise SpecError(f"balance: {balance.target!r} has the single class {names[0]!r}")
    equal = dict.fromkeys(names, 1.0 / len(names))
    wished = equal if balance.shares == "equal" else balance.shares
    unknown = sorted(set(wished) - set(names))
    if unknown:
        raise SpecError(
            f"balance: {balance.target!r} has no class {unknown[0]!r}; classes: "
            f"{', '.join(names[:10])}"
        )
    if min(wished.values()) < 0 or abs(sum(wished.values()) - 1.0) > 1e-6:
        raise SpecError(f"balance: shares must be positive and sum to 1, got {wished}")
    ends = np.cumsum([wished.get(name, 0.0) for name in names]) * n_rows
    which = np.searchsorted(ends - 1e-9, np.arange(n_rows) + 0.5)
    return np.asarray(codes[rng.permutation(np.minimum(which, len(codes) - 1))])


def _in_order(plan: Plan, table: Table, n_rows: int) -> np.ndarray[Any, np.dtype[np.intp]]:
    """Return evenly spaced real rows, ordered by block (as they first came) and time."""
    keys = [np.arange(len(table.values), dtype=float)]
    if plan.time is not None:
        keys.append(table.values[:, table.at(plan.time)])
    if plan.block is not None:
        codes = pd.factorize(table.values[:, table.at(plan.block)])[0]
        keys.append(codes.astype(float))
    order = np.lexsort(keys)
    at = (np.arange(n_rows) + 0.5) * len(order) / n_rows
    return np.asarray(order[at.astype(np.intp)])
