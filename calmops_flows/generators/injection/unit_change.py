"""Another unit of measurement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from calmops_flows.generators.injection.base import Changed, Injector, drawn, numbers, put

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


class UnitChange(Injector):
    """Write ``factor * value + offset``, for example 1.8 and 32: Celsius as Fahrenheit."""

    columns: tuple[str, ...] = Field(min_length=1)
    factor: float
    offset: float = 0.0
    magnitude: float = Field(default=1.0, ge=0.0, le=1.0)
    """Share of the rows with the new unit."""

    def inject(
        self, frame: pd.DataFrame, strength: NDArray[np.float64], rng: np.random.Generator
    ) -> Changed:
        """Write the values in the new unit; one row has one unit."""
        rows = drawn(strength, self.magnitude, rng)
        for name in self.columns:
            values = numbers(frame, name)
            frame = put(frame, name, self.factor * values + self.offset, rows)
        return Changed(frame)
