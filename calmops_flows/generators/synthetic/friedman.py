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
    """Ten uniform features, ``10 sin(pi a b) + 20 (c - .5)^2 + 10 d + 5 e`` and normal noise.

    References
    ----------
    .. [1] E. Ikonomovska, J. Gama, S. Dzeroski, "Learning model trees from evolving data streams",
       Data Mining and Knowledge Discovery 23, 2011, section 6.1.
    """

    task: ClassVar[Literal["classification", "regression"]] = "regression"
    MOVES: ClassVar[tuple[str, ...]] = ("waves", "bowl", "slope", "tilt", "noise")

    variant: Literal["original", "swapped", "turned", "shuffled"] = "original"
    """Which features play which part: the recurring and slow drifts of the literature."""
    expansion: int = Field(default=0, ge=0, le=3)
    """Local drift [1]_: in how wide a part of the space another surface holds; 0: nowhere."""
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
        surface = wave + self.bowl * (c - 0.5) ** 2 + self.slope * d + self.tilt * e
        return surface if not self.expansion else self._expanded(surface, (a, b, c, d, e))

    def _expanded(self, surface: Values, places: tuple[Values, ...]) -> Values:
        """Put two other surfaces into two regions; a wider region has fewer conditions."""
        a, b, c, d, e = places
        kept = 5 - self.expansion
        low = np.logical_and.reduce([b < 0.3, c < 0.3, d > 0.7, e < 0.3][:kept])
        high = np.logical_and.reduce([b > 0.7, c > 0.7, d < 0.3, e > 0.7][:kept])
        plane = self.bowl * (c - 0.5)
        first = self.waves * a * b + plane + self.slope * d + self.tilt * e
        second = self.waves * np.cos(a * b) + plane + np.exp(d) + self.tilt * e**2
        return np.select([low, high], [first, second], surface)

    def sample(self, n_rows: int, rng: np.random.Generator) -> tuple[Columns, Values]:
        """Draw rows with noise."""
        columns = self.features(n_rows, rng)
        return columns, self.label(columns) + self.noise * rng.standard_normal(n_rows)
