"""Proteins by mass spectrometry: log intensities, low ones often not detected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field
from scipy.special import expit

from calmops_flows.generators.clinic.layers.normal import NormalLayer

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Proteins(NormalLayer):
    """Intensities as log2; the lower one is, the likelier it is missing."""

    kind: Literal["proteins"] = "proteins"
    mean: float = 20.0
    """Of the features' mean levels."""
    noise: float = Field(default=0.15, ge=0.0)
    """Standard deviation of an intensity measured twice, in log2."""
    limit: float | None = None
    """Level that is detected half of the time; default: all are."""
    steepness: float = Field(default=2.0, gt=0.0)
    """Log-odds of detection per unit of the level."""

    def measured(
        self, levels: NDArray[np.float64], depths: NDArray[np.float64], rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Read the intensities."""
        seen = levels + np.log2(depths)[:, None] + self.noise * rng.standard_normal(levels.shape)
        if self.limit is None:
            return np.asarray(seen)
        chance = expit(self.steepness * (levels - self.limit))
        return np.where(rng.random(levels.shape) < chance, seen, np.nan)
