"""Values of a column change rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from calmops_flows.generators.injection.base import require
from calmops_flows.generators.privacy.base import Protection, Way

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


class Shuffle(Way):
    """Break the links between columns, and keep every value: not anonymisation."""

    PROTECTS: ClassVar[str] = (
        "A shuffled value no longer stands beside the other columns of its row, so links between "
        "columns are broken (and with them what a model could learn)."
    )
    LEAVES: ClassVar[str] = (
        "Every value is still in the table: a name, a rare diagnosis or an exact income can be "
        "read and counted as before, and a value that only one person can have still tells that "
        "this person is in the data. A shuffled table is not anonymous."
    )

    columns: tuple[str, ...] = Field(min_length=1)
    together: bool = False
    """The columns move together, so that links among them stay."""

    def protect(self, frame: pd.DataFrame, rng: np.random.Generator) -> Protection:
        """Shuffle them."""
        require(frame, self.columns)
        for group in [list(self.columns)] if self.together else [[name] for name in self.columns]:
            order = rng.permutation(len(frame))
            frame[group] = frame[group].take(order).set_axis(frame.index)
        return Protection(frame, {"columns": len(self.columns)})
