"""What every layer of molecules has: features, modules, and what a patient keeps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from calmops_flows.spec.base import Part

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Module(Part):
    """Features that rise and fall together."""

    size: int = Field(ge=2)
    correlation: float = Field(gt=0.0, lt=1.0)
    """Of the normal scores of any two of its features."""


@dataclass(frozen=True, slots=True)
class Features:
    """The drawn parameters of a layer's features.

    Parameters
    ----------
    names : tuple of str
        One per feature.
    module : ndarray of shape (n_features,)
        Number of the module, from 1; 0 for none.
    mean, sd : ndarray of shape (n_features,)
        Of the level: log2 abundance without any effect.
    dispersion : ndarray of shape (n_features,)
        Of counts; NaN elsewhere.
    """

    names: tuple[str, ...]
    module: NDArray[np.intp]
    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    dispersion: NDArray[np.float64]

    def part(self, first: int, last: int) -> Features:
        """Return some neighbours."""
        cut = slice(first, last)
        return Features(
            self.names[cut],
            self.module[cut],
            self.mean[cut],
            self.sd[cut],
            self.dispersion[cut],
        )

    def frame(self) -> pd.DataFrame:
        """Return one row per feature."""
        values = {"feature": self.names, "module": self.module, "mean": self.mean, "sd": self.sd}
        return pd.DataFrame(values | {"dispersion": self.dispersion})


class Layer(Part, ABC):
    """Many features of one technique; a feature's level is its log2 abundance."""

    n_features: int = Field(ge=1, le=200_000)
    modules: tuple[Module, ...] = ()
    """The first features belong to the first module, and so on; the rest to none."""
    stability: float = Field(default=0.5, ge=0.0, le=1.0)
    """Share of the variance between patients that they keep from visit to visit."""

    @model_validator(mode="after")
    def _has_room(self) -> Layer:
        wanted = sum(module.size for module in self.modules)
        if wanted > self.n_features:
            raise ValueError(
                f"the modules have {wanted} features together, and n_features is {self.n_features}"
            )
        return self

    def feature_names(self, layer: str) -> tuple[str, ...]:
        """Return the names of the features of a layer of this name."""
        return tuple(f"{layer}_{number}" for number in range(1, self.n_features + 1))

    def membership(self) -> NDArray[np.intp]:
        """Return the module of each feature, from 1; 0 for none."""
        found = np.zeros(self.n_features, dtype=np.intp)
        sizes = [module.size for module in self.modules]
        found[: sum(sizes)] = np.repeat(np.arange(1, len(sizes) + 1), sizes)
        return found

    @abstractmethod
    def features(self, layer: str, rng: np.random.Generator) -> Features:
        """Draw the parameters of the features.

        Parameters
        ----------
        layer : str
            Name of the layer; features are named after it.
        rng : numpy.random.Generator
            Where randomness comes from.

        Returns
        -------
        Features
            Names and parameters.
        """

    def levels(self, scores: NDArray[np.float64], features: Features) -> NDArray[np.float64]:
        """Return log2 abundances from normal scores.

        Parameters
        ----------
        scores : ndarray of shape (n_rows, n_features)
            Standard normal, each column.
        features : Features
            Their parameters.

        Returns
        -------
        ndarray of shape (n_rows, n_features)
            Without any effect.
        """
        return features.mean + features.sd * scores

    def depths(self, n_rows: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Return how deep each sample is measured, 1 on average; an array of shape (n_rows,)."""
        del rng
        return np.ones(n_rows)

    @abstractmethod
    def measured(
        self, levels: NDArray[np.float64], depths: NDArray[np.float64], rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Measure levels.

        Parameters
        ----------
        levels : ndarray of shape (n_rows, n_features)
            log2 abundances, with all effects.
        depths : ndarray of shape (n_rows,)
            As `depths` drew them.
        rng : numpy.random.Generator
            Where randomness comes from.

        Returns
        -------
        ndarray of shape (n_rows, n_features)
            What stands in the file; NaN where nothing was detected.
        """
