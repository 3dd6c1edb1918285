"""Columns that nobody needs are left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from calmops_flows.generators.injection.base import require
from calmops_flows.generators.privacy.base import Protection, Way

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


class Drop(Way):
    """Leave columns out."""

    PROTECTS: ClassVar[str] = "Nothing of these columns is left."
    LEAVES: ClassVar[str] = "Other columns may still tell what stood in them."

    columns: tuple[str, ...] = Field(min_length=1)

    def protect(self, frame: pd.DataFrame, rng: np.random.Generator) -> Protection:  # noqa: ARG002
        """Leave them out."""
        require(frame, self.columns)
        return Protection(frame.drop(columns=list(self.columns)), {"columns": len(self.columns)})
