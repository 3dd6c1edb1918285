"""What every method of synthesis can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Protocol

from calmops_flows.spec.base import Part

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from calmops_flows.generators.synthesis.columns import Floats, Table


class Learnt(Protocol):
    """What a method knows of a table."""

    def draw(self, n_rows: int, rng: np.random.Generator, fixed: Mapping[int, Floats]) -> Floats:
        """Draw rows; ``fixed`` holds whole columns, by number, that are given."""
        ...


class Method(Part, ABC):
    """One way to learn a table and to draw new rows; its fields are its parameters."""

    WARNING: ClassVar[str | None] = None
    """What a user must know before using it."""
    COPIES: ClassVar[bool] = False
    """Whether it copies real rows on purpose."""

    @abstractmethod
    def learn(self, table: Table, rng: np.random.Generator, given: tuple[int, ...] = ()) -> Learnt:
        """Learn a table.

        Parameters
        ----------
        table : Table
            Real rows.
        rng : numpy.random.Generator
            Where randomness comes from.
        given : tuple of int
            Numbers of the columns that will be given when rows are drawn.

        Returns
        -------
        Learnt
            What draws rows.

        Raises
        ------
        SpecError
            If the table does not fit the method.
        """
