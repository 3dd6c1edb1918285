"""Another rule for the target."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pydantic import Field

from calmops_flows.errors import SpecError
from calmops_flows.generators.formula import evaluate
from calmops_flows.generators.injection.base import Changed, Injector, drawn, put, require
from calmops_flows.generators.injection.label_noise import classes
from calmops_flows.generators.injection.tables import columns_of

if TYPE_CHECKING:
    from numpy.typing import NDArray


class RuleChange(Injector):
    """Compute the target anew by a formula: a condition for classes, a number for regression."""

    target: str
    rule: str
    """For example ``x0 + x1 > 9`` (true: the last class in order), or ``2 * x0 - x1``."""
    magnitude: float = Field(default=1.0, ge=0.0, le=1.0)
    """Share of the rows under the new rule."""

    def inject(
        self, frame: pd.DataFrame, strength: NDArray[np.float64], rng: np.random.Generator
    ) -> Changed:
        """Write what the rule gives."""
        require(frame, [self.target])
        values = evaluate(self.rule, columns_of(frame.drop(columns=self.target)))
        if values.dtype == np.bool_:
            labels, _ = classes(frame, self.target)
            values = np.where(values, labels[-1], labels[0])
        elif not pd.api.types.is_float_dtype(frame[self.target]):
            raise SpecError(
                f"the rule {self.rule!r} gives numbers, and the target {self.target!r} holds "
                f"classes ({frame[self.target].dtype}); write a condition"
            )
        return Changed(put(frame, self.target, values, drawn(strength, self.magnitude, rng)))
