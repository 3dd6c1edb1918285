"""Rules that rows must keep: bounds, a formula, and columns that determine others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from calmops_flows.errors import SpecError
from calmops_flows.generators.formula import evaluate
from calmops_flows.generators.injection.base import require
from calmops_flows.generators.injection.tables import columns_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from calmops_flows.generators.synthesis.plan import Dependency, Plan


@dataclass(frozen=True, slots=True)
class Determined:
    """A column that others determine, with all that real rows show."""

    columns: tuple[str, ...]
    name: str
    shown: pd.DataFrame

    def of(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return rows with the determined column; it is missing where no real row shows it."""
        return frame.merge(self.shown, on=list(self.columns), how="left", validate="m:1")

    def is_known(self, frame: pd.DataFrame) -> NDArray[np.bool_]:
        """Return which rows have a combination that a real row has."""
        known = pd.MultiIndex.from_frame(self.shown[list(self.columns)])
        return np.asarray(pd.MultiIndex.from_frame(frame[list(self.columns)]).isin(known))


@dataclass(frozen=True, slots=True)
class Rules:
    """What every new row must keep."""

    plan: Plan
    determined: tuple[Determined, ...]

    def broken(self, frame: pd.DataFrame) -> NDArray[np.bool_]:
        """Return which rows break a rule.

        Raises
        ------
        SpecError
            If a rule cannot be computed.
        """
        found = np.zeros(len(frame), dtype=bool)
        for one in self.determined:
            found |= ~one.is_known(frame)
        whole = self.complete(frame, list(frame.columns))
        for name, (low, high) in self.plan.bounds.items():
            values = _numbers(whole, name)
            found |= values < (-np.inf if low is None else low)
            found |= values > (np.inf if high is None else high)
        if self.plan.where is not None:
            holds = evaluate(self.plan.where, columns_of(whole))
            if holds.dtype != np.bool_:
                raise SpecError(f"where must be a condition, got {self.plan.where!r}")
            found |= ~holds
        return found

    def complete(self, frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
        """Return rows with the columns that others determine, in a table's order."""
        for one in reversed(self.determined):
            frame = one.of(frame)
        ordered = [name for name in names if name in frame.columns]
        return frame[[*ordered, *(name for name in frame.columns if name not in ordered)]]


def read_rules(plan: Plan, frame: pd.DataFrame) -> Rules:
    """Look at real rows for what a plan says that columns determine.

    Raises
    ------
    SpecError
        If a column is not there, or is not determined.
    """
    require(frame, list(plan.bounds))
    for name in plan.bounds:
        _numbers(frame, name)
    return Rules(plan, tuple(_determined(one, frame) for one in plan.dependencies))


def _determined(dependency: Dependency, frame: pd.DataFrame) -> Determined:
    require(frame, [*dependency.columns, dependency.determines])
    columns = list(dependency.columns)
    shown = frame[[*columns, dependency.determines]].drop_duplicates(ignore_index=True)
    if shown.duplicated(columns).any():
        raise SpecError(
            f"dependencies: {', '.join(columns)} do not determine {dependency.determines!r}: "
            f"{int(shown.duplicated(columns).sum())} combinations have several values"
        )
    return Determined(dependency.columns, dependency.determines, shown)


def _numbers(frame: pd.DataFrame, name: str) -> NDArray[np.float64]:
    if not pd.api.types.is_numeric_dtype(frame[name]):
        raise SpecError(f"bounds: column {name!r} holds no numbers")
    return np.asarray(frame[name].to_numpy(dtype=float, na_value=np.nan))
