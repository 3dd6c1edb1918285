"""STAGGER: three symbolic features and three rules (Schlimmer and Granger, 1986)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pydantic import Field

from calmops_flows.generators.synthetic.base import Columns, Rule, Values


class Stagger(Rule):
    """Size, colour and shape as codes 0, 1, 2: small/medium/large, red/blue/green and so on."""

    classification_function: int = Field(default=0, ge=0, le=2)
    """0: small and red; 1: green or a circle; 2: medium or large."""

    def features(self, n_rows: int, rng: np.random.Generator) -> Columns:
        """Draw the features."""
        codes = rng.integers(0, 3, (3, n_rows))
        return dict(zip(("size", "color", "shape"), codes, strict=True))

    def label(self, columns: Mapping[str, Values]) -> Values:
        """Apply the rule."""
        size, color, shape = columns["size"], columns["color"], columns["shape"]
        found = (
            lambda: (size == 0) & (color == 0),
            lambda: (color == 2) | (shape == 0),
            lambda: size >= 1,
        )[self.classification_function]()
        return np.asarray(found).astype(np.int64)
