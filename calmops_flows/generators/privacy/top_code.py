"""Extreme numbers become the bound that they exceed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field, model_validator

from calmops_flows.generators.injection.base import numbers, put
from calmops_flows.generators.privacy.base import Protection, Way

if TYPE_CHECKING:
    import pandas as pd


class TopCode(Way):
    """Cut numbers at bounds."""

    PROTECTS: ClassVar[str] = "Extreme numbers, which single out rows, become a bound."
    LEAVES: ClassVar[str] = "Numbers between the bounds stay exact."

    column: str
    low: float | None = Field(default=None, allow_inf_nan=False)
    high: float | None = Field(default=None, allow_inf_nan=False)

    @model_validator(mode="after")
    def _fits(self) -> TopCode:
        if self.low is None and self.high is None:
            raise ValueError("give low, high or both")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError("low must lie below high")
        return self

    def protect(self, frame: pd.DataFrame, rng: np.random.Generator) -> Protection:  # noqa: ARG002
        """Cut the numbers; missing ones stay missing."""
        values = numbers(frame, self.column)
        low = -np.inf if self.low is None else self.low
        high = np.inf if self.high is None else self.high
        is_outside = (values < low) | (values > high)
        frame = put(frame, self.column, np.clip(values, low, high), is_outside)
        return Protection(frame, {"cells cut": int(is_outside.sum())})
