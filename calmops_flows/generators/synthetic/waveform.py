"""Mixtures of two of three triangles under noise (Breiman and others, 1984)."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from calmops_flows.generators.synthetic.base import Columns, Concept, Values

POINTS, NOISE = 21, 19
_AT = np.arange(POINTS)
WAVES = np.stack([np.maximum(6 - np.abs(_AT - peak), 0.0) for peak in (6, 14, 10)])
# Which two waves each of the three classes mixes.
_FIRST, _SECOND = np.array([0, 0, 1]), np.array([1, 2, 2])


class Waveform(Concept):
    """Three classes, 21 points of a wave each with normal noise."""

    has_noise: bool = False
    """Add nineteen features of pure noise."""
    noise: float = Field(default=1.0, ge=0.0)
    """Standard deviation of the noise at every point."""

    def sample(self, n_rows: int, rng: np.random.Generator) -> tuple[Columns, Values]:
        """Draw classes and waves."""
        target = rng.integers(0, 3, n_rows)
        share = rng.random(n_rows)
        n_points = POINTS + NOISE * self.has_noise
        values = rng.standard_normal((n_points, n_rows), dtype=np.float32).astype(np.float64)
        values[:POINTS] *= self.noise
        values[:POINTS] += WAVES[_FIRST].T[:, target] * share
        values[:POINTS] += WAVES[_SECOND].T[:, target] * (1.0 - share)
        return {f"x{i}": row for i, row in enumerate(values)}, target
