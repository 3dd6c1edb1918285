"""Categories become the groups that hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pandas as pd
from pydantic import Field, model_validator

from calmops_flows.errors import SpecError
from calmops_flows.generators.injection.base import require
from calmops_flows.generators.privacy.base import Protection, Way

if TYPE_CHECKING:
    import numpy as np


class Hierarchy(Way):
    """Replace a category by its group."""

    PROTECTS: ClassVar[str] = "Only the group of a category is left."
    LEAVES: ClassVar[str] = "A group that few rows share still singles them out; see suppress."

    column: str
    groups: dict[str, tuple[str, ...]] = Field(min_length=1)
    """Group to its categories."""
    other: str | None = None
    """Group of all other categories; without it they are an error."""

    @model_validator(mode="after")
    def _fits(self) -> Hierarchy:
        named = [value for values in self.groups.values() for value in values]
        if len(set(named)) < len(named):
            raise ValueError("a category stands in two groups")
        return self

    def protect(self, frame: pd.DataFrame, rng: np.random.Generator) -> Protection:  # noqa: ARG002
        """Replace the categories; missing ones stay missing.

        Raises
        ------
        SpecError
            If the column is not there, or holds categories of no group.
        """
        require(frame, [self.column])
        group_of = {value: name for name, values in self.groups.items() for value in values}
        column = frame[self.column]
        found = column.map(lambda value: group_of.get(str(value), self.other), na_action="ignore")
        lost = int((found.isna() & column.notna()).sum())
        if lost:
            # How many, not which: a rare category may name a person.
            raise SpecError(
                f"{lost} rows of {self.column!r} hold categories of no group; add them to groups, "
                "or name a group for all others in `other`"
            )
        frame[self.column] = pd.Series(found.to_numpy(dtype=object), index=frame.index)
        return Protection(frame, {"groups": int(found.nunique())})
