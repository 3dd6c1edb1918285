"""Another schema: a column renamed, dropped, added, or as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import model_validator

from calmops_flows.errors import SpecError
from calmops_flows.generators.injection.base import Changed, Injector, require

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


class SchemaChange(Injector):
    """Change one column of the whole table."""

    WHOLE: ClassVar[bool] = True

    action: Literal["rename", "drop", "add", "as_text"]
    column: str
    """The column; with `add`, the one that is copied."""
    to: str | None = None
    """rename, add: the new name."""

    @model_validator(mode="after")
    def _fits(self) -> SchemaChange:
        if (self.action in ("rename", "add")) != (self.to is not None):
            raise ValueError("to belongs to rename and add, and both need it")
        return self

    def inject(
        self, frame: pd.DataFrame, strength: NDArray[np.float64], rng: np.random.Generator
    ) -> Changed:
        """Change the column."""
        del strength, rng
        require(frame, [self.column])
        if self.to is not None and self.to in frame.columns:
            raise SpecError(f"there is a column {self.to!r} already")
        if self.action == "drop":
            return Changed(frame.drop(columns=self.column))
        if self.action == "rename":
            return Changed(frame.rename(columns={self.column: self.to}))
        if self.action == "add":
            frame[self.to] = frame[self.column]
            return Changed(frame)
        frame[self.column] = frame[self.column].astype("string")
        return Changed(frame)
