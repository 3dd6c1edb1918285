"""Dates become months, quarters or years."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import pandas as pd
from pydantic import Field

from calmops_flows.errors import SpecError
from calmops_flows.generators.injection.base import require
from calmops_flows.generators.privacy.base import Protection, Way

if TYPE_CHECKING:
    import numpy as np

FREQUENCIES = {"day": "D", "month": "M", "quarter": "Q", "year": "Y"}


class Dates(Way):
    """Replace a date by its day, month, quarter or year."""

    PROTECTS: ClassVar[str] = "Only the period of a date is left."
    LEAVES: ClassVar[str] = "A period that few rows share still singles them out; see suppress."

    columns: tuple[str, ...] = Field(min_length=1)
    to: Literal["day", "month", "quarter", "year"] = "month"

    def protect(self, frame: pd.DataFrame, rng: np.random.Generator) -> Protection:  # noqa: ARG002
        """Replace the dates; missing ones stay missing.

        Raises
        ------
        SpecError
            If a column is not there, or holds something that is no date.
        """
        require(frame, self.columns)
        counts = {}
        for name in self.columns:
            periods = _dates(frame[name]).dt.to_period(FREQUENCIES[self.to])
            texts = periods.astype(str).astype(object).where(periods.notna(), None)
            frame[name] = texts
            counts[name] = int(periods.nunique())
        return Protection(frame, {"periods": counts})


def _dates(column: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column):
        raise SpecError(f"column {column.name!r} holds numbers, and dates are needed")
    try:
        dates = pd.to_datetime(column, format=None if column.dtype.kind == "M" else "ISO8601")
    except (ValueError, TypeError) as err:
        raise SpecError(
            f"column {column.name!r} holds something that is no date as 2026-01-31"
        ) from err
    return dates if dates.dt.tz is None else dates.dt.tz_localize(None)
