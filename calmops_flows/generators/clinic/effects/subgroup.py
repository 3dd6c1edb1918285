"""An effect that only some patients have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from calmops_flows.generators.clinic.effects.base import Effect, Place
from calmops_flows.generators.clinic.effects.fold_change import FoldChange
from calmops_flows.generators.clinic.effects.polynomial import Polynomial
from calmops_flows.generators.clinic.effects.power import Power
from calmops_flows.generators.clinic.effects.shift import Shift
from calmops_flows.generators.clinic.effects.sigmoid import Sigmoid
from calmops_flows.generators.clinic.effects.variance import Variance
from calmops_flows.generators.formula import evaluate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from numpy.typing import NDArray

Plain = Annotated[
    FoldChange | Polynomial | Power | Shift | Sigmoid | Variance, Field(discriminator="kind")
]


class Subgroup(Effect):
    """Let another effect act on a hidden part of the patients; the truth names them."""

    kind: Literal["subgroup"] = "subgroup"
    effect: Plain
    share: float = Field(default=1.0, gt=0.0, le=1.0)
    """Chance of each patient to be in it."""
    where: str | None = None
    """A formula over variables, conditions and `group` that must hold besides."""

    @model_validator(mode="after")
    def _fits(self) -> Subgroup:
        if self.share == 1.0 and self.where is None:
            raise ValueError("a subgroup needs share below 1, or where")
        return self

    @property
    def driver(self) -> str | None:
        """The variable that the effect follows, if it is another one."""
        return self.effect.driver

    def apply(self, values: NDArray[np.float64], place: Place) -> NDArray[np.float64]:
        """Let the other effect act."""
        return self.effect.apply(values, place)

    def members(
        self, columns: Mapping[str, NDArray[Any]], rng: np.random.Generator
    ) -> NDArray[np.bool_] | None:
        """Draw the patients."""
        n_patients = len(next(iter(columns.values())))
        chosen = rng.random(n_patients) < self.share
        if self.where is not None:
            chosen &= evaluate(self.where, columns).astype(bool)
        return np.asarray(chosen)
