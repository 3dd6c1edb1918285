"""Wrong labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pydantic import Field

from calmops_flows.errors import SpecError
from calmops_flows.generators.injection.base import Changed, Injector, drawn, put, require

if TYPE_CHECKING:
    from numpy.typing import NDArray


class LabelNoise(Injector):
    """Give some rows another class, drawn evenly from the others."""

    target: str
    magnitude: float = Field(ge=0.0, le=1.0)
    """Share of the rows."""
    where_class: str | int | bool | None = None
    """Only rows of this class: mistakes that fall on one class."""

    def inject(
        self, frame: pd.DataFrame, strength: NDArray[np.float64], rng: np.random.Generator
    ) -> Changed:
        """Write the wrong classes."""
        labels, codes = classes(frame, self.target)
        rows = drawn(strength, self.magnitude, rng) & (codes >= 0)
        if self.where_class is not None:
            if self.where_class not in list(labels):
                raise SpecError(f"target {self.target!r} has no class {self.where_class!r}")
            rows &= codes == list(labels).index(self.where_class)
        step = rng.integers(1, len(labels), len(frame))
        return Changed(put(frame, self.target, labels[(codes + step) % len(labels)], rows))


def classes(frame: pd.DataFrame, target: str) -> tuple[NDArray[np.object_], NDArray[np.intp]]:
    """Return the classes of a target, and the index of each row's (-1: missing).

    Raises
    ------
    SpecError
        If the column is not there, holds one class only, or numbers that are no classes.
    """
    require(frame, [target])
    column = frame[target]
    codes, labels = pd.factorize(column, sort=True)
    if pd.api.types.is_float_dtype(column) and len(labels) > 100:
        raise SpecError(f"target {target!r} holds {len(labels)} numbers, no classes")
    if len(labels) < 2:
        raise SpecError(f"target {target!r} needs two classes, and has {len(labels)}")
    return np.asarray(labels, dtype=object), codes
