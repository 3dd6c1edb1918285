"""How the level of a feature moves over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field, model_validator

from calmops_flows.errors import SpecError
from calmops_flows.spec.base import Part

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Dynamic(Part):
    """One movement; several add up. Time is counted in periods, from 0.

    Examples
    --------
    >>> Dynamic(kind="trend", size=2.0).values(np.array([0.0, 1.5]), np.random.default_rng(0))
    array([0., 3.])
    """

    kind: Literal["trend", "cycle", "sigmoid", "random_walk", "regime"]
    size: float
    """trend: per period; cycle: amplitude; sigmoid: total rise; random_walk: standard deviation
    of a period's step; regime: level while it lasts."""
    length: float = Field(default=12.0, gt=0.0)
    """cycle: periods of one turn; sigmoid: periods of the rise; regime: periods on, then off."""
    start: float = 0.0
    """Time of the beginning (cycle: of a rise through zero; sigmoid: its middle)."""
    recurs: bool = False
    """regime: on and off for ever, not only once."""

    @model_validator(mode="after")
    def _fits(self) -> Dynamic:
        if self.recurs and self.kind != "regime":
            raise ValueError("recurs belongs to regime")
        return self

    def values(self, time: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
        """Return what the movement adds at each time.

        Parameters
        ----------
        time : ndarray of shape (n_rows,)
            Ascending, in periods.
        rng : numpy.random.Generator
            For the random walk.
        """
        since = time - self.start
        if self.kind == "trend":
            return np.asarray(self.size * np.maximum(since, 0.0))
        if self.kind == "cycle":
            return np.asarray(self.size * np.sin(2.0 * np.pi * since / self.length))
        if self.kind == "sigmoid":
            return np.asarray(self.size / (1.0 + np.exp(-10.0 * since / self.length)))
        if self.kind == "random_walk":
            steps = np.diff(time, prepend=time[:1])
            return np.asarray(
                np.cumsum(rng.standard_normal(len(time)) * np.sqrt(steps)) * self.size
            )
        turn = np.floor(since / self.length)
        is_on = (turn >= 0) & ((turn % 2 == 0) if self.recurs else (turn == 0))
        return np.where(is_on, self.size, 0.0)


def moved(
    dynamics: tuple[Dynamic, ...], time: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the sum of several movements.

    Raises
    ------
    SpecError
        If time goes backwards.
    """
    if len(time) and (np.diff(time) < 0).any():
        raise SpecError("time must ascend")
    found = np.zeros(len(time))
    for part in dynamics:
        found += part.values(time, rng)
    return found
