"""A noisy sine and cosine with anomalies, as river draws them."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from calmops_flows.errors import SpecError
from calmops_flows.generators.synthetic.base import Columns, Concept, Values


class AnomalySine(Concept):
    """Two waves in time; the class says which rows were replaced by anomalies."""

    n_anomalies: int | None = Field(default=None, ge=0)
    """Draws of anomalous rows; default: a quarter of all rows."""
    contextual: bool = False
    """Also let some cosines repeat an earlier sine: odd in their place, normal by themselves."""
    n_contextual: int | None = Field(default=None, ge=0)
    """Draws of contextual ones; default: a quarter of all rows."""
    shift: int = Field(default=4, ge=0)
    """How many rows later a contextual anomaly repeats a sine."""
    noise: float = Field(default=0.5, ge=0.0)
    """Standard deviation of the noise."""
    replace: bool = True
    """Draw rows with replacement (fewer distinct ones)."""

    def sample(self, n_rows: int, rng: np.random.Generator) -> tuple[Columns, Values]:
        """Draw the waves from their start, and the anomalies.

        Raises
        ------
        SpecError
            If more rows are to be anomalous than there are.
        """
        at = np.arange(n_rows) / 4.0
        sine = np.sin(at) + self.noise * rng.standard_normal(n_rows)
        cosine = np.cos(at) + self.noise * rng.standard_normal(n_rows)
        if self.contextual:
            found = self._rows(self.n_contextual, n_rows - self.shift, rng)
            cosine[(found + self.shift) % n_rows] = sine[found]
        odd = self._rows(self.n_anomalies, n_rows, rng)
        target = np.zeros(n_rows, dtype=bool)
        if len(odd):
            # One draw for all: river's anomalies share the height of their sine.
            height = np.sin(rng.integers(len(odd))) + 2.0
            cosine[odd] = height + self.noise * rng.standard_normal(len(odd))
            target[odd] = True
        return {"sine": sine, "cosine": cosine}, target

    def _rows(self, wanted: int | None, n_rows: int, rng: np.random.Generator) -> Values:
        n_draws = max(n_rows, 0) // 4 if wanted is None else wanted
        if n_draws > max(n_rows, 0):
            raise SpecError(f"{n_draws} anomalies do not fit into {n_rows} rows")
        return rng.choice(n_rows, n_draws, replace=self.replace) if n_draws else np.array([], int)
