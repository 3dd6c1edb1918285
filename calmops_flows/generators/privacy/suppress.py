"""Rows that too few others resemble lose their quasi-identifiers, or go."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from calmops_flows.errors import SpecError
from calmops_flows.generators.injection.base import require
from calmops_flows.generators.privacy.anonymity import groups_of
from calmops_flows.generators.privacy.base import Protection, Way

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Suppress(Way):
    """Make a table k-anonymous by leaving out rows, or their quasi-identifiers.

    References
    ----------
    .. [1] P. Samarati, "Protecting respondents' identities in microdata release", 2001.
    """

    PROTECTS: ClassVar[str] = (
        "Who knows the quasi-identifiers of a person finds at least k rows that fit."
    )
    LEAVES: ClassVar[str] = (
        "If all k rows agree in a sensitive column (l-diversity 1), that value is told; columns "
        "that are no quasi-identifiers may single out rows as well."
    )

    quasi_identifiers: tuple[str, ...] = Field(min_length=1)
    k: int = Field(ge=2)
    what: Literal["rows", "cells"] = "rows"
    """rows: they go; cells: their quasi-identifiers become missing, and rows go only if fewer than
    k share that."""

    def protect(self, frame: pd.DataFrame, rng: np.random.Generator) -> Protection:  # noqa: ARG002
        """Suppress.

        Raises
        ------
        SpecError
            If a column is not there, or k is larger than the table.
        """
        names = list(self.quasi_identifiers)
        require(frame, names)
        if self.k > len(frame):
            raise SpecError(
                f"k is {self.k}, and the table has {len(frame)} rows: no k-anonymous table of "
                "them exists"
            )
        is_rare = self._is_rare(frame)
        n_rows, cells = len(frame), 0
        if self.what == "cells":
            for name in names:
                cells += int((is_rare & frame[name].notna().to_numpy()).sum())
                frame[name] = frame[name].mask(pd.Series(is_rare, index=frame.index))
            is_rare = self._is_rare(frame)
        frame = frame[~is_rare].reset_index(drop=True)
        if not len(frame):
            raise SpecError(
                f"no combination of {', '.join(names[:10])} is shared by {self.k} rows, so nothing "
                "would be left; generalise first, or lower k"
            )
        lost = n_rows - len(frame)
        return Protection(frame, {"k": self.k, "rows left out": lost, "cells emptied": cells})

    def _is_rare(self, frame: pd.DataFrame) -> NDArray[np.bool_]:
        group = groups_of(frame, self.quasi_identifiers)
        return np.asarray(np.bincount(group)[group] < self.k)
