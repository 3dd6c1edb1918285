"""What an effect of a disease is given, and what it does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from calmops_flows.spec.base import Part

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Place:
    """Where an effect acts.

    Parameters
    ----------
    mean, sd : ndarray of shape (n_features,)
        Of the values without any effect.
    is_log2 : bool
        Whether values are logarithms to base 2.
    strength : ndarray of shape (n_rows, 1)
        Between 0 (nothing happens to this row) and 1.
    sign : ndarray of shape (n_features,)
        1, or -1 where the effect is turned round.
    driver : ndarray of shape (n_rows, 1) or None
        Standardised variable that the effect follows; None: the feature itself.
    """

    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    is_log2: bool
    strength: NDArray[np.float64]
    sign: NDArray[np.float64]
    driver: NDArray[np.float64] | None = None

    def scores(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what the effect follows, in standard deviations from its mean."""
        return (values - self.mean) / self.sd if self.driver is None else self.driver


class Effect(Part, ABC):
    """What a disease does to the values of a feature."""

    SIGNED: ClassVar[bool] = False
    """Whether it can be turned round (direction down, or both)."""

    @property
    def driver(self) -> str | None:
        """The variable that the effect follows, if it is another one."""
        return None

    @abstractmethod
    def apply(self, values: NDArray[np.float64], place: Place) -> NDArray[np.float64]:
        """Return the values with the effect.

        Parameters
        ----------
        values : ndarray of shape (n_rows, n_features)
            Without it, or with others.
        place : Place
            Where it acts.

        Returns
        -------
        ndarray of shape (n_rows, n_features)
            New values.

        Raises
        ------
        SpecError
            If the values do not allow it.
        """

    def members(
        self, columns: Mapping[str, NDArray[Any]], rng: np.random.Generator
    ) -> NDArray[np.bool_] | None:
        """Return which patients it can act on; None: all.

        Parameters
        ----------
        columns : mapping of str to ndarray of shape (n_patients,)
            What is known of patients at their first visit.
        rng : numpy.random.Generator
            Where randomness comes from.
        """
        del columns, rng
        return None
