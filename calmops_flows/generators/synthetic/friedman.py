"""Friedman's regression surface (Friedman, 1991) and variants of it for drift."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from calmops_flows.generators.synthetic.base import Columns, Rule, Values, uniform

# Which features stand in the places of x0 … x4 of the original surface.
ORDERS = {
    "original": (0, 1, 2, 3, 4),
    "swapped": (3, 5, 1, 0, 2),
    "turned": (3, 4, 1, 0, 2),
    "shuffled": (1, 4, 3, 2, 0),
}


class Friedman(Rule):
    """Ten uniform features, ``10 sin(pi a b) + 20 (c - .5)^2 + 10 d + 5 e`` and normal noise."""

    task: ClassVar[Literal["classification", "regression"]] = "regression"
    MOVES: ClassVar[tuple[str, ...]] = ("waves", "bowl", "slope", "tilt", "noise")

    variant: Literal["original", "swapped", "turned", "shuffled"] = "original"
    """Which features play which part: the recurring and slow drifts of the literature."""
    waves: float = 10.0
    bowl: float = 20.0
    slope: float = 10.0
    tilt: float = 5.0
    noise: float = Field(default=1.0, ge=0.0)
    """Standard deviation of the noise."""

    def features(self, n_rows: int, rng: np.random.Generator) -> Columns:
        """Draw the features."""
        return uniform([f"x{i}" for i in range(10)], n_rows, rng)

    def label(self, columns: Mapping[str, Values]) -> Values:
        """Return the surface without noise."""
        a, b, c, d, e = (columns[f"x{i}"] for i in ORDERS[self.variant])
        wave = self.waves * np.sin(np.pi * a * b)
        return np.asarray(wave + self.bowl * (c - 0.5) ** 2 + self.slope * d + self.tilt * e)

    def sample(self, n_rows: int, rng: np.random.Generator) -> tuple[Columns, Values]:
        """Draw rows with noise."""
        columns = self.features(n_rows, rng)
        return columns, self.label(columns) + self.noise * rng.standard_normal(n_rows)
