"""A real set in future periods: its rows drawn anew, with features that move on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from calmops_flows.errors import SpecError
from calmops_flows.generators.injection.base import numbers, put
from calmops_flows.generators.scenario.dynamics import Dynamic, moved
from calmops_flows.generators.values import declared
from calmops_flows.spec.base import Part

if TYPE_CHECKING:
    import pandas as pd


class Projection(Part):
    """How numeric features move, in standard deviations of each."""

    periods: int = Field(ge=1, le=10_000)
    rows: int | None = Field(default=None, ge=1)
    """Rows of a period; default: as many as the set has."""
    dynamics: dict[str, tuple[Dynamic, ...]] = Field(default_factory=dict)


def project(
    data: pd.DataFrame, plan: Projection | Mapping[str, object], *, random_state: int
) -> list[pd.DataFrame]:
    """Carry a set into future periods.

    Rows are drawn with replacement, whole, so that what belongs together stays together; then the
    features move. Nothing here protects the people in the rows: see the generators for real data.

    Parameters
    ----------
    data : DataFrame
        The present.
    plan : Projection or mapping
        Periods, rows, and movements by feature.
    random_state : int
        Seed.

    Returns
    -------
    list of DataFrame
        One table per period.

    Raises
    ------
    SpecError
        If there are no rows, or a feature is not there or not numeric.
    """
    wanted = declared(Projection, plan, where="projection")
    if not len(data):
        raise SpecError("there are no rows to project")
    rng = np.random.default_rng(random_state)
    n_rows = wanted.rows or len(data)
    found = []
    time = (np.arange(wanted.periods * n_rows) + 0.5) / n_rows
    level = {name: moved(parts, time, rng) for name, parts in wanted.dynamics.items()}
    spreads = {name: float(np.nanstd(numbers(data, name))) for name in level}
    for start in range(0, len(time), n_rows):
        part = data.iloc[rng.integers(0, len(data), n_rows)].reset_index(drop=True)
        for name, by in level.items():
            step = by[start : start + n_rows] * spreads[name]
            part = put(part, name, numbers(part, name) + step, step != 0)
        found.append(part)
    return found
