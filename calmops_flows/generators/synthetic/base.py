"""What every concept of a synthetic stream can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from numpy.typing import NDArray

from calmops_flows.errors import SpecError
from calmops_flows.spec.base import Part

if TYPE_CHECKING:
    import numpy as np

Values = NDArray[Any]
Columns = dict[str, Values]


class Concept(Part, ABC):
    """One distribution of rows and targets, with its parameters.

    Seeds among the parameters fix what the concept *is* (a tree, a set of centroids); the rows
    come from the generator that `sample` is given.
    """

    task: ClassVar[Literal["classification", "regression"]] = "classification"
    MOVES: ClassVar[tuple[str, ...]] = ()
    """Parameters that an incremental drift can move."""

    @abstractmethod
    def sample(self, n_rows: int, rng: np.random.Generator) -> tuple[Columns, Values]:
        """Draw rows.

        Parameters
        ----------
        n_rows : int
            How many.
        rng : numpy.random.Generator
            Where randomness comes from.

        Returns
        -------
        dict of str to ndarray of shape (n_rows,)
            The features.
        ndarray of shape (n_rows,)
            The target.
        """

    def between(self, other: Self, share: float) -> Self:
        """Return the concept that lies a share of the way to another one.

        Raises
        ------
        SpecError
            If no parameter of this generator can move, or others differ.
        """
        moved = {
            name: (1.0 - share) * getattr(self, name) + share * getattr(other, name)
            for name in self.MOVES
        }
        for name in type(self).model_fields:
            if name not in self.MOVES and getattr(self, name) != getattr(other, name):
                raise SpecError(
                    f"an incremental drift cannot move {name!r} of this generator; it can move: "
                    f"{', '.join(self.MOVES) or 'nothing, so use abrupt, gradual or recurrent'}"
                )
        return self.model_copy(update=moved)


class Rule(Concept):
    """A concept whose target is a function of the features, before any noise."""

    @abstractmethod
    def features(self, n_rows: int, rng: np.random.Generator) -> Columns:
        """Draw the features."""

    @abstractmethod
    def label(self, columns: Mapping[str, Values]) -> Values:
        """Return the target that the rule gives to these features."""

    def sample(self, n_rows: int, rng: np.random.Generator) -> tuple[Columns, Values]:
        """Draw rows: features, and what the rule says of them."""
        columns = self.features(n_rows, rng)
        return columns, self.label(columns)


def uniform(names: list[str], n_rows: int, rng: np.random.Generator, high: float = 1.0) -> Columns:
    """Draw independent columns, each uniform between 0 and `high`."""
    block = rng.random((len(names), n_rows)) * high
    return dict(zip(names, block, strict=True))
