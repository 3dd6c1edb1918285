"""What is laid over a stream: wrong labels, missing values, more features, dates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from calmops_flows.errors import SpecError
from calmops_flows.generators.synthetic.base import Columns, Values
from calmops_flows.generators.values import DateText
from calmops_flows.spec.base import Part

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Correlated(Part):
    """Features that follow another one."""

    feature: str
    """Numeric feature that they follow."""
    n: int = Field(default=1, ge=1, le=1000)
    rho: float = Field(default=0.8, ge=-1.0, le=1.0)
    """Correlation of each with it, up to chance."""


class Dates(Part):
    """A column of dates in the order of the rows."""

    start: DateText
    """First date, for example ``2024-01-01`` or ``2024-01-01T00:00+01:00``."""
    step: str = "1h"
    """Between two rows, as pandas reads a time delta."""
    column: str = "date"
    jitter: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Each date moves by up to this share of a step; order is kept."""

    def values(self, n_rows: int, rng: np.random.Generator) -> pd.Series:
        """Return the dates.

        Raises
        ------
        SpecError
            If start or step cannot be read.
        """
        try:
            first, step = pd.Timestamp(self.start), pd.Timedelta(self.step)
        except ValueError as err:
            raise SpecError(f"dates: {err}") from err
        if step <= pd.Timedelta(0):
            raise SpecError(f"dates.step must be positive, got {self.step!r}")
        at = np.arange(n_rows) + self.jitter * rng.random(n_rows)
        return pd.Series(first + pd.to_timedelta(at * step.value, unit="ns"), name=self.column)


class Extras(Part):
    """What is laid over a stream, in this order."""

    irrelevant: int = Field(default=0, ge=0, le=10_000)
    """Features of normal noise."""
    correlated: tuple[Correlated, ...] = ()
    label_noise: float = Field(default=0.0, ge=0.0, le=1.0)
    """Share of rows that get another class (regression: this many standard deviations of noise)."""
    missing: float | dict[str, float] = 0.0
    """Share of values that are missing, for all features or by name."""
    dates: Dates | None = None


def add_features(columns: Columns, extras: Extras, rng: np.random.Generator) -> None:
    """Add irrelevant and correlated features.

    Raises
    ------
    SpecError
        If a feature to follow is not there or is not numeric.
    """
    n_rows = len(next(iter(columns.values())))
    for plan in extras.correlated:
        source = columns.get(plan.feature)
        if source is None or source.dtype.kind not in "iufb":
            raise SpecError(
                f"correlated.feature: {plan.feature!r} is no numeric feature; features: "
                f"{', '.join(list(columns)[:10])}"
            )
        spread = float(source.std()) or 1.0
        unit = (source - source.mean()) / spread
        for i in range(plan.n):
            noise = rng.standard_normal(n_rows)
            columns[f"{plan.feature}_like{i}"] = (
                plan.rho * unit + np.sqrt(1.0 - plan.rho**2) * noise
            )
    for i in range(extras.irrelevant):
        columns[f"irrelevant{i}"] = rng.standard_normal(n_rows)


def disturb_target(
    target: Values, share: float, task: Literal["classification", "regression"],
    rng: np.random.Generator,
) -> tuple[Values, NDArray[np.intp]]:  # fmt: skip
    """Return the target with wrong labels, and the rows that have them."""
    if not share:
        return target, np.empty(0, dtype=np.intp)
    if task == "regression":
        noise = share * float(np.std(target)) * rng.standard_normal(len(target))
        return target + noise, np.arange(len(target))
    labels = np.unique(target)
    if len(labels) < 2:
        raise SpecError("label noise needs at least two classes, and the stream has one")
    rows = np.flatnonzero(rng.random(len(target)) < share)
    place = np.searchsorted(labels, target[rows])
    changed = target.copy()
    changed[rows] = labels[(place + rng.integers(1, len(labels), len(rows))) % len(labels)]
    return changed, rows


def remove_values(
    data: pd.DataFrame, missing: float | Mapping[str, float], rng: np.random.Generator
) -> pd.DataFrame:
    """Remove values completely at random.

    Raises
    ------
    SpecError
        If a feature is not there or a share lies outside 0 to 1.
    """
    shares = dict.fromkeys(data.columns, missing) if isinstance(missing, float | int) else missing
    unknown = sorted(set(shares) - set(data.columns))
    if unknown:
        raise SpecError(f"missing: no features {', '.join(map(repr, unknown[:10]))}")
    for name, share in shares.items():
        if not 0.0 <= share <= 1.0:
            raise SpecError(f"missing: a share lies between 0 and 1, got {share!r} for {name!r}")
        if share:
            data[name] = data[name].mask(rng.random(len(data)) < share)
    return data
