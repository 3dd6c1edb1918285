"""Real rows again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from calmops_flows.generators.synthesis.base import Method
from calmops_flows.generators.synthesis.free import Matched

if TYPE_CHECKING:
    import numpy as np

    from calmops_flows.generators.synthesis.columns import Floats, Table


class Resample(Method):
    """Real rows, drawn with replacement: every one is a copy, and nobody is protected."""

    WARNING: ClassVar[str | None] = "resample copies real rows: its table is as secret as theirs"
    COPIES: ClassVar[bool] = True

    def learn(self, table: Table, rng: np.random.Generator, given: tuple[int, ...] = ()) -> Matched:
        """Keep the rows."""
        del rng, given
        return Matched(table, Rows(table.values))


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows to draw from."""

    values: Floats

    def draw(self, n_rows: int, rng: np.random.Generator) -> Floats:
        """Draw rows with replacement."""
        drawn: Floats = self.values[rng.integers(len(self.values), size=n_rows)]
        return drawn
