"""The seven segments of a digit on a display (Breiman and others, 1984)."""

from __future__ import annotations

import random
from typing import Final

import numpy as np
from pydantic import Field, model_validator

from calmops_flows.generators.synthetic.base import Columns, Concept, Values

_SEGMENTS: Final = ("1110111", "0010010", "1011101", "1011011", "0111010",
                    "1101011", "1101111", "1010010", "1111111", "1111011")  # fmt: skip
DIGITS = np.array([[int(bit) for bit in row] for row in _SEGMENTS])
RELEVANT, ALL = 7, 24


class Led(Concept):
    """Which digit is shown, from seven segments that may fail, among seventeen random bits."""

    seed: int = 0
    """Draws which features change places (`n_drift_features`)."""
    noise_percentage: float = Field(default=0.0, ge=0.0, le=1.0)
    """A segment is wrong with this probability less 0.01 (as river draws it)."""
    irrelevant_features: bool = False
    """Add seventeen random bits."""
    n_drift_features: int = Field(default=0, ge=0, le=RELEVANT)
    """So many segments change places with random bits."""

    @model_validator(mode="after")
    def _fits(self) -> Led:
        if self.n_drift_features and not self.irrelevant_features:
            raise ValueError("n_drift_features needs irrelevant_features")
        return self

    def places(self) -> list[int]:
        """Return the column of every feature; segments come first."""
        found = list(range(ALL if self.irrelevant_features else RELEVANT))
        if self.n_drift_features:
            draw = random.Random(self.seed)  # noqa: S311 - a fixed arrangement, no secret
            first, offset = draw.randint(0, 6), draw.randint(0, ALL - RELEVANT - 1)
            for i in range(self.n_drift_features):
                segment, other = (i + first) % 7, 7 + (i + offset) % (ALL - RELEVANT)
                found[segment], found[other] = other, segment
        return found

    def sample(self, n_rows: int, rng: np.random.Generator) -> tuple[Columns, Values]:
        """Draw digits and the segments that show them."""
        target = rng.integers(0, 10, n_rows)
        n_bits = ALL if self.irrelevant_features else RELEVANT
        bits = np.empty((n_bits, n_rows), dtype=np.int64)
        wrong = rng.random((RELEVANT, n_rows)) < self.noise_percentage - 0.01
        bits[:RELEVANT] = DIGITS.T[:, target] ^ wrong
        if self.irrelevant_features:
            bits[RELEVANT:] = rng.integers(0, 2, (ALL - RELEVANT, n_rows))
        places = self.places()
        return {f"x{places[i]}": bits[i] for i in np.argsort(places)}, target
