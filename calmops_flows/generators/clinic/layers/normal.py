"""Layers with normal levels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from calmops_flows.generators.clinic.layers.base import Features, Layer

if TYPE_CHECKING:
    from numpy.typing import NDArray


class NormalLayer(Layer):
    """Levels that are normal over the patients."""

    mean: float = 10.0
    """Of the features' mean levels."""
    mean_sd: float = Field(default=2.0, ge=0.0)
    """Standard deviation of the features' mean levels."""
    sd: float = Field(default=0.5, gt=0.0)
    """Standard deviation of a level over the patients: the median over the features."""
    sd_spread: float = Field(default=0.2, ge=0.0, le=3.0)
    """Standard deviation of the logarithm of the features' standard deviations."""

    def features(self, layer: str, rng: np.random.Generator) -> Features:
        """Draw means and standard deviations."""
        n = self.n_features
        mean = self.mean + self.mean_sd * rng.standard_normal(n)
        sd = self.sd * np.exp(self.sd_spread * rng.standard_normal(n))
        nothing: NDArray[np.float64] = np.full(n, np.nan)
        return Features(self.feature_names(layer), self.membership(), mean, sd, nothing)
