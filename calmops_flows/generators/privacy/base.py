"""What every way of protecting a table can do, and what they share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from calmops_flows.spec.base import Part

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Protection:
    """A table after one step.

    Parameters
    ----------
    frame : DataFrame
        The table.
    facts : dict
        What the report says about the step: numbers and names, never a row's value.
    """

    frame: pd.DataFrame
    facts: dict[str, Any] = field(default_factory=dict)


class Way(Part, ABC):
    """One way of protecting a table; its fields say how."""

    PROTECTS: ClassVar[str]
    """What it does, in one sentence of the report."""
    LEAVES: ClassVar[str]
    """What it does not protect, in one sentence of the report."""

    @abstractmethod
    def protect(self, frame: pd.DataFrame, rng: np.random.Generator) -> Protection:
        """Protect a table.

        Parameters
        ----------
        frame : DataFrame
            A copy that may be changed.
        rng : numpy.random.Generator
            Where randomness comes from.

        Returns
        -------
        Protection
            The table, and what was done.

        Raises
        ------
        SpecError
            If a column is not there or does not fit.
        """
