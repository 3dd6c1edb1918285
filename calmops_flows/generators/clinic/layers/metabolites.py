"""Concentrations of metabolites: skewed, with a limit of detection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from calmops_flows.generators.clinic.layers.normal import NormalLayer

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Metabolites(NormalLayer):
    """Concentrations, lognormal over the patients; none below the limit of detection."""

    kind: Literal["metabolites"] = "metabolites"
    mean: float = 3.0
    """Of the features' mean levels (log2 concentrations)."""
    noise: float = Field(default=0.1, ge=0.0)
    """Relative error of a concentration: standard deviation of its natural logarithm."""
    limit: float | None = Field(default=None, gt=0.0)
    """Concentration below which nothing is reported; default: all are."""

    def measured(
        self, levels: NDArray[np.float64], depths: NDArray[np.float64], rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Report the concentrations."""
        error = np.exp(self.noise * rng.standard_normal(levels.shape))
        seen = np.exp2(levels) * depths[:, None] * error
        return np.asarray(seen if self.limit is None else np.where(seen < self.limit, np.nan, seen))
