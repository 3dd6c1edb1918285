"""Two planes, chosen by the first feature (Breiman and others, 1984)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from calmops_flows.generators.synthetic.base import Columns, Rule, Values


class Planes(Rule):
    """Regression: features -1, 0, 1; the first one (-1 or 1) says which plane holds."""

    task: ClassVar[Literal["classification", "regression"]] = "regression"
    MOVES: ClassVar[tuple[str, ...]] = ("offset", "noise")

    offset: float = 3.0
    """Height of both planes, up and down."""
    noise: float = Field(default=1.0, ge=0.0)
    """Standard deviation of the noise."""

    def features(self, n_rows: int, rng: np.random.Generator) -> Columns:
        """Draw the features."""
        codes = rng.integers(-1, 2, (9, n_rows))
        columns = {"x1": 2 * rng.integers(0, 2, n_rows) - 1}
        return columns | {f"x{i + 2}": code for i, code in enumerate(codes)}

    def label(self, columns: Mapping[str, Values]) -> Values:
        """Return the plane's height without noise."""
        upper = self.offset + 3 * columns["x2"] + 2 * columns["x3"] + columns["x4"]
        lower = -self.offset + 3 * columns["x5"] + 2 * columns["x6"] + columns["x7"]
        return np.where(columns["x1"] == 1, upper, lower).astype(float)

    def sample(self, n_rows: int, rng: np.random.Generator) -> tuple[Columns, Values]:
        """Draw rows with noise."""
        columns = self.features(n_rows, rng)
        return columns, self.label(columns) + self.noise * rng.standard_normal(n_rows)
