"""Points above or below a sine, four rules (Gama and others, 2004)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pydantic import Field

from calmops_flows.generators.synthetic.base import Columns, Rule, Values, uniform


class Sine(Rule):
    """Two features between 0 and 1 against ``sin(x1)``, or ``0.5 + 0.3 sin(3 pi x1)``."""

    classification_function: int = Field(default=0, ge=0, le=3)
    """0: below the first curve is 1; 1: the reverse; 2, 3: the same with the second curve."""
    has_noise: bool = False
    """Add two features that mean nothing."""

    def features(self, n_rows: int, rng: np.random.Generator) -> Columns:
        """Draw the features."""
        return uniform([f"x{i}" for i in range(4 if self.has_noise else 2)], n_rows, rng)

    def label(self, columns: Mapping[str, Values]) -> Values:
        """Apply the rule."""
        x1 = columns["x1"]
        is_simple = self.classification_function < 2
        curve = np.sin(x1) if is_simple else 0.5 + 0.3 * np.sin(3 * np.pi * x1)
        is_above = columns["x0"] >= curve
        is_reversed = self.classification_function % 2 == 1
        return np.asarray(is_above if is_reversed else ~is_above).astype(np.int64)
