"""Another class where a condition holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from calmops_flows.errors import SpecError
from calmops_flows.generators.formula import evaluate
from calmops_flows.generators.injection.base import Changed, Injector, drawn, put
from calmops_flows.generators.injection.label_noise import classes
from calmops_flows.generators.injection.tables import columns_of

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


class ConceptFlip(Injector):
    """Give rows under a condition the next class: y given X changes there, X stays."""

    target: str
    where: str
    """Formula over the columns, for example ``age > 60 and group == 'b'``."""
    magnitude: float = Field(default=1.0, ge=0.0, le=1.0)
    """Share of these rows that flip."""

    def inject(
        self, frame: pd.DataFrame, strength: NDArray[np.float64], rng: np.random.Generator
    ) -> Changed:
        """Flip the classes."""
        labels, codes = classes(frame, self.target)
        holds = evaluate(self.where, columns_of(frame))
        if holds.dtype != np.bool_:
            raise SpecError(f"where must be a condition, and {self.where!r} gives {holds.dtype}")
        rows = drawn(strength, self.magnitude, rng) & holds & (codes >= 0)
        return Changed(put(frame, self.target, labels[(codes + 1) % len(labels)], rows))
