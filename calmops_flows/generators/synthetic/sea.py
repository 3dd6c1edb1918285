"""SEA: two of three features, their sum against a threshold (Street and Kim, 2001)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pydantic import Field

from calmops_flows.generators.synthetic.base import Columns, Rule, Values, uniform

THRESHOLDS = (8.0, 9.0, 7.0, 9.5)


class Sea(Rule):
    """Three features between 0 and 10; the class is ``x0 + x1 > threshold``."""

    variant: int = Field(default=0, ge=0, le=3)
    """One of the four thresholds of the paper: 8, 9, 7, 9.5."""
    threshold: float | None = None
    """A threshold of your own instead."""
    noise: float = Field(default=0.0, ge=0.0, le=1.0)
    """Share of rows whose class is flipped."""

    @property
    def threshold_(self) -> float:
        """The threshold in force."""
        return THRESHOLDS[self.variant] if self.threshold is None else self.threshold

    def between(self, other: Sea, share: float) -> Sea:
        """Return the concept whose threshold and noise lie between both."""
        return self.model_copy(
            update={
                "threshold": (1 - share) * self.threshold_ + share * other.threshold_,
                "noise": (1 - share) * self.noise + share * other.noise,
            }
        )

    def features(self, n_rows: int, rng: np.random.Generator) -> Columns:
        """Draw the features."""
        return uniform(["x0", "x1", "x2"], n_rows, rng, 10.0)

    def label(self, columns: Mapping[str, Values]) -> Values:
        """Say whether the sum exceeds the threshold."""
        return np.asarray(columns["x0"] + columns["x1"] > self.threshold_)

    def sample(self, n_rows: int, rng: np.random.Generator) -> tuple[Columns, Values]:
        """Draw rows, some with the wrong class."""
        columns = self.features(n_rows, rng)
        target = self.label(columns)
        if self.noise:
            target ^= rng.random(n_rows) < self.noise
        return columns, target
