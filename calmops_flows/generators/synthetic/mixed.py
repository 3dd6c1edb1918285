"""Two boolean and two numeric features, two opposite rules (Gama and others, 2004)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pydantic import Field

from calmops_flows.generators.synthetic.base import Columns, Rule, Values


class Mixed(Rule):
    """Class by majority of ``x0``, ``x1`` and ``x3 < 0.5 + 0.3 sin(3 pi x2)``."""

    classification_function: int = Field(default=0, ge=0, le=1)
    """1: two of three hold; 0: the reverse."""

    def features(self, n_rows: int, rng: np.random.Generator) -> Columns:
        """Draw the features."""
        bits = rng.integers(0, 2, (2, n_rows), dtype=np.int8).view(np.bool_)
        numbers = rng.random((2, n_rows))
        return {"x0": bits[0], "x1": bits[1], "x2": numbers[0], "x3": numbers[1]}

    def label(self, columns: Mapping[str, Values]) -> Values:
        """Apply the rule."""
        v, w = columns["x0"].astype(bool), columns["x1"].astype(bool)
        z = columns["x3"] < 0.5 + 0.3 * np.sin(3 * np.pi * columns["x2"])
        holds = (v & w) | (v & z) | (w & z)
        return np.asarray(holds if self.classification_function else ~holds).astype(np.int64)
