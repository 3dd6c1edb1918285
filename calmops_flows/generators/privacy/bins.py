"""Numbers become intervals."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from calmops_flows.generators.injection.base import numbers
from calmops_flows.generators.privacy.base import Protection, Way

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Bins(Way):
    """Replace a number by the interval that holds it."""

    PROTECTS: ClassVar[str] = "Only the interval of a number is left."
    LEAVES: ClassVar[str] = "An interval that few rows share still singles them out; see suppress."

    column: str
    width: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Intervals of equal width, from multiples of it."""
    edges: tuple[float, ...] = ()
    """Ascending edges; what lies outside goes to open intervals."""

    @model_validator(mode="after")
    def _fits(self) -> Bins:
        if (self.width is None) != bool(self.edges):
            raise ValueError("give either width or edges")
        if not np.isfinite(self.edges).all() or (np.diff(self.edges) <= 0).any():
            raise ValueError("edges must be finite and ascend")
        return self

    def protect(self, frame: pd.DataFrame, rng: np.random.Generator) -> Protection:  # noqa: ARG002
        """Replace the numbers; missing ones stay missing."""
        values = numbers(frame, self.column)
        is_there = ~np.isnan(values)
        labels = np.full(len(values), None, dtype=object)
        labels[is_there] = self._labels(values[is_there])
        frame[self.column] = pd.Series(labels, index=frame.index, dtype=object)
        return Protection(frame, {"intervals": len(set(labels[is_there]))})

    def _labels(self, values: NDArray[np.float64]) -> NDArray[np.object_]:
        if self.width is not None:
            low = np.floor(values / self.width)
            steps, place = np.unique(low, return_inverse=True)
            named = [f"[{step * self.width:g}, {(step + 1) * self.width:g})" for step in steps]
        else:
            place = np.searchsorted(self.edges, values, side="right")
            ends = [f"{edge:g}" for edge in self.edges]
            pairs = pairwise(ends)
            named = [f"< {ends[0]}", *(f"[{a}, {b})" for a, b in pairs), f">= {ends[-1]}"]
        return np.array(named, dtype=object)[place]
