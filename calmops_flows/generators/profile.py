"""How strongly a drift acts on each row: abrupt, gradual, incremental, recurrent."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field, model_validator

from calmops_flows.errors import SpecError
from calmops_flows.spec.base import Part

if TYPE_CHECKING:
    from numpy.typing import NDArray

Kind = Literal["abrupt", "gradual", "incremental", "recurrent"]
Shape = Literal["linear", "sigmoid", "exponential", "logarithmic", "even"]


class Profile(Part):
    """Where a drift begins, how long it takes, and how it gets there.

    Positions and widths are row numbers when they are integers, shares of all rows when they
    are floats below 1.

    Examples
    --------
    >>> Profile(kind="abrupt", position=3).weights(5)
    array([0., 0., 0., 1., 1.])
    >>> Profile(kind="incremental", position=1, width=2).weights(5)
    array([0.  , 0.25, 0.75, 1.  , 1.  ])
    """

    kind: Kind = "abrupt"
    """abrupt: at once; gradual: ever more rows; incremental: every row a little more;
    recurrent: on and off."""
    position: int | float = Field(default=0, ge=0)
    """First row that can differ."""
    width: int | float = Field(default=0, ge=0)
    """Rows from first to full strength (gradual, incremental)."""
    shape: Shape = "linear"
    """How strength grows over the width; even: one half all the way."""
    period: int | float | None = Field(default=None, gt=0)
    """Rows for which a recurrent drift is on, and then off."""

    @model_validator(mode="after")
    def _fits(self) -> Profile:
        if (self.kind == "recurrent") != (self.period is not None):
            raise ValueError("period belongs to recurrent, and recurrent needs it")
        if self.kind in ("abrupt", "recurrent") and self.width:
            raise ValueError(f"width has no meaning for {self.kind}; use gradual or incremental")
        return self

    def bounds(self, n_rows: int) -> tuple[int, int]:
        """Return the first row that can differ, and the first at full strength.

        Raises
        ------
        SpecError
            If the drift lies outside the data.
        """
        start, width = _rows(self.position, n_rows), _rows(self.width, n_rows)
        if n_rows and (start >= n_rows or start + width > n_rows):
            raise SpecError(
                f"drift outside the data: it takes rows {start} to {start + width}, and there "
                f"are {n_rows} rows"
            )
        return start, start + width

    def weights(self, n_rows: int) -> NDArray[np.float64]:
        """Return the strength of the drift at every row, between 0 and 1.

        Raises
        ------
        SpecError
            If the drift lies outside the data.
        """
        start, end = self.bounds(n_rows)
        rows = np.arange(n_rows)
        if self.period is not None:
            period = max(1, _rows(self.period, n_rows))
            is_on = (rows >= start) & ((rows - start) // period % 2 == 0)
            return np.asarray(is_on, dtype=np.float64)
        if end == start:
            return np.asarray(rows >= start, dtype=np.float64)
        share = np.clip((rows - start + 0.5) / (end - start), 0.0, 1.0)
        # Full strength is exactly 1, whatever the shape's rounding.
        return np.where(rows >= end, 1.0, np.minimum(SHAPES[self.shape](share), 1.0))

    def strength(self, n_rows: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Return the strength at every row, with the rows of a gradual drift drawn.

        Raises
        ------
        SpecError
            If the drift lies outside the data.
        """
        weights = self.weights(n_rows)
        if self.kind != "gradual":
            return weights
        return (rng.random(n_rows) < weights).astype(float)

    def change_points(self, n_rows: int) -> tuple[int, ...]:
        """Return the rows at which something begins or ends to change.

        Raises
        ------
        SpecError
            If the drift lies outside the data.
        """
        start, end = self.bounds(n_rows)
        if self.period is not None:
            return tuple(range(start, n_rows, max(1, _rows(self.period, n_rows))))
        return (start,) if end == start else (start, end)


def _rows(value: float, n_rows: int) -> int:
    return value if isinstance(value, int) else round(value * n_rows if value < 1 else value)


def _sigmoid(share: NDArray[np.float64]) -> NDArray[np.float64]:
    # From 0 to 1 exactly, steepest in the middle.
    raw = 1.0 / (1.0 + np.exp(-10.0 * (share - 0.5)))
    low = 1.0 / (1.0 + np.exp(5.0))
    return np.asarray((raw - low) / (1.0 - 2.0 * low))


SHAPES: dict[Shape, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "linear": np.asarray,
    "sigmoid": _sigmoid,
    "exponential": lambda share: np.expm1(3.0 * share) / np.expm1(3.0),
    "logarithmic": lambda share: np.log1p(19.0 * share) / np.log1p(19.0),
    "even": lambda share: np.where(share > 0.0, 0.5, 0.0),
}
