"""Other shares of the classes, X given y stays (Lipton and others, 2018)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from calmops_flows.errors import SpecError
from calmops_flows.generators.injection.base import Changed, Injector, drawn
from calmops_flows.generators.injection.label_noise import classes
from calmops_flows.generators.injection.resample import replaced

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


class LabelShift(Injector):
    """Bring one class to a share, by copies of whole rows in the place of others."""

    target: str
    value: str | int | bool
    """The class."""
    share: float = Field(ge=0.0, le=1.0)
    """Its share among the rows that the drift acts on."""
    magnitude: float = Field(default=1.0, ge=0.0, le=1.0)
    """How far on the way to that share."""

    def inject(
        self, frame: pd.DataFrame, strength: NDArray[np.float64], rng: np.random.Generator
    ) -> Changed:
        """Replace as few rows as it takes."""
        labels, codes = classes(frame, self.target)
        if self.value not in list(labels):
            raise SpecError(f"target {self.target!r} has no class {self.value!r}")
        is_it = codes == list(labels).index(self.value)
        rows = np.flatnonzero(drawn(strength, 1.0, rng))
        now = int(is_it[rows].sum())
        wanted = round(now + self.magnitude * (self.share * len(rows) - now))
        surplus = rows[is_it[rows] != (wanted > now)]
        places = rng.choice(surplus, min(abs(wanted - now), len(surplus)), replace=False)
        pool = np.flatnonzero(is_it == (wanted > now))
        return replaced(frame, np.sort(places), rng.choice(pool, len(places)))
