"""Log intensities of a microarray: a background below, and noise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from calmops_flows.generators.clinic.layers.normal import NormalLayer

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Microarray(NormalLayer):
    """Intensities as log2; low ones flatten at the background."""

    kind: Literal["microarray"] = "microarray"
    mean: float = 8.0
    """Of the features' mean levels."""
    background: float = Field(default=4.0, ge=-50.0, le=50.0)
    """log2 intensity where nothing is bound."""
    noise: float = Field(default=0.1, ge=0.0)
    """Standard deviation of an intensity measured twice, in log2."""

    def measured(
        self, levels: NDArray[np.float64], depths: NDArray[np.float64], rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Read the intensities."""
        seen = np.logaddexp2(levels + np.log2(depths)[:, None], self.background)
        return np.asarray(seen + self.noise * rng.standard_normal(levels.shape))
