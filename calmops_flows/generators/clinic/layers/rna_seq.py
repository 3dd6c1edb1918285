"""Counts of reads: negative binomial, with library sizes and a trend of the dispersion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field
from scipy.special import digamma, gammaincinv, ndtr, polygamma

from calmops_flows.generators.clinic.layers.base import Features, Layer

if TYPE_CHECKING:
    from numpy.typing import NDArray

GRID = np.linspace(-7.0, 7.0, 281)
"""Normal scores at which quantiles are computed; between them they are interpolated."""
STEP = 0.02  # of the logarithm of a dispersion: few different ones, so few quantiles
LARGEST_MEAN = 1e15


class RnaSeq(Layer):
    """Counts of reads [1]_: Poisson around a gamma distributed abundance.

    References
    ----------
    .. [1] Love, M. I., Huber, W. and Anders, S. (2014). Moderated estimation of fold change and
       dispersion for RNA-seq data with DESeq2. Genome Biology 15, 550: the model of counts, and
       the trend a / mean + b of the dispersion.
    """

    kind: Literal["rna_seq"] = "rna_seq"
    library_size: float = Field(default=1e6, gt=0.0)
    """Expected reads of a sample, over all features."""
    library_sd: float = Field(default=0.2, ge=0.0, le=3.0)
    """Standard deviation of the logarithm of the library sizes."""
    abundance_sd: float = Field(default=1.5, ge=0.0, le=5.0)
    """Standard deviation of the logarithm of the features' means."""
    dispersion: float = Field(default=0.1, gt=0.0, le=10.0)
    """Of a feature with a large mean: variance = mean + dispersion * mean ** 2."""
    extra_poisson: float = Field(default=2.0, ge=0.0, le=100.0)
    """What the dispersion has besides: `extra_poisson` / mean."""
    scatter: float = Field(default=0.3, ge=0.0, le=2.0)
    """Standard deviation of the logarithm of the dispersions around the trend."""

    def features(self, layer: str, rng: np.random.Generator) -> Features:
        """Draw means and dispersions."""
        relative = np.exp(self.abundance_sd * rng.standard_normal(self.n_features))
        mean = self.library_size * relative / relative.sum()
        trend = np.log(self.dispersion + self.extra_poisson / mean)
        log = trend + self.scatter * rng.standard_normal(self.n_features)
        dispersion = np.clip(np.exp(np.round(log / STEP) * STEP), 1e-6, 100.0)
        shape = 1.0 / dispersion
        return Features(
            self.feature_names(layer),
            self.membership(),
            np.log2(mean) + (digamma(shape) - np.log(shape)) / np.log(2.0),
            np.sqrt(polygamma(1, shape)) / np.log(2.0),
            dispersion,
        )

    def levels(self, scores: NDArray[np.float64], features: Features) -> NDArray[np.float64]:
        """Return log2 of gamma distributed abundances."""
        found = np.empty_like(scores)
        different, which = np.unique(features.dispersion, return_inverse=True)
        for i, dispersion in enumerate(different):
            shape = 1.0 / dispersion
            quantiles = gammaincinv(shape, ndtr(GRID))
            log2 = np.log2(np.maximum(quantiles, 1e-300))
            own = np.flatnonzero(which == i)
            found[:, own] = np.interp(scores[:, own], GRID, log2)
        # E log2 G of a gamma variable of this shape, so that mean and quantiles agree.
        return np.asarray(found + features.mean - digamma(1.0 / features.dispersion) / np.log(2.0))

    def depths(self, n_rows: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Return library sizes, 1 on average."""
        score = rng.standard_normal(n_rows)
        return np.asarray(np.exp(self.library_sd * score - 0.5 * self.library_sd**2))

    def measured(
        self, levels: NDArray[np.float64], depths: NDArray[np.float64], rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Count the reads."""
        mean = np.minimum(np.exp2(levels) * depths[:, None], LARGEST_MEAN)
        return np.asarray(rng.poisson(mean), dtype=np.float64)
