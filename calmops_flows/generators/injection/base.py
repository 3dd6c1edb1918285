"""What every injector can do, and what they share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd

from calmops_flows.errors import SpecError
from calmops_flows.spec.base import Part

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Changed:
    """A table after an injection.

    Parameters
    ----------
    frame : DataFrame
        The table.
    origin : ndarray of shape (n_rows,) or None
        For each row the row of the table before; None when rows stayed in place.
    """

    frame: pd.DataFrame
    origin: NDArray[np.intp] | None = None


class Injector(Part, ABC):
    """One kind of drift; its fields say how strong it is."""

    WHOLE: ClassVar[bool] = False
    """Whether it can only act on the whole table (a schema has no single rows)."""

    @abstractmethod
    def inject(
        self, frame: pd.DataFrame, strength: NDArray[np.float64], rng: np.random.Generator
    ) -> Changed:
        """Put the drift into a table.

        Parameters
        ----------
        frame : DataFrame
            A copy that may be changed.
        strength : ndarray of shape (n_rows,)
            Between 0 (this row must not change) and 1.
        rng : numpy.random.Generator
            Where randomness comes from.

        Returns
        -------
        Changed
            The table with the drift.

        Raises
        ------
        SpecError
            If a column is not there or does not fit.
        """


def require(frame: pd.DataFrame, columns: Sequence[str]) -> None:
    """Raise SpecError if a column is not there."""
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise SpecError(
            f"no column {missing[0]!r}; columns: {', '.join(map(str, frame.columns[:10]))}"
            + (f" … and {len(frame.columns) - 10} more" if len(frame.columns) > 10 else "")
        )


def numbers(frame: pd.DataFrame, name: str) -> NDArray[np.float64]:
    """Return a numeric column as floats, missing as NaN.

    Raises
    ------
    SpecError
        If the column is not there, is not numeric or holds no value.
    """
    require(frame, [name])
    column = frame[name]
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        raise SpecError(f"column {name!r} must be numeric, and is {column.dtype}")
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    if not np.isfinite(values).any():
        raise SpecError(f"column {name!r} holds no value")
    return values


def spread(values: NDArray[np.float64]) -> float:
    """Return the standard deviation of the values that are there."""
    return float(np.nanstd(np.where(np.isfinite(values), values, np.nan)))


def put(
    frame: pd.DataFrame, name: str, values: NDArray[Any], rows: NDArray[np.bool_]
) -> pd.DataFrame:
    """Write some cells of a column; whole numbers stay whole, and other cells stay as they are."""
    if not rows.any():
        return frame
    column = frame[name]
    new = pd.Series(values, index=frame.index)[rows].infer_objects()
    if pd.api.types.is_integer_dtype(column):
        if new.isna().any():
            column = column.astype("Int64" if not str(column.dtype).islower() else "float64")
        else:
            new = new.round()
            bounds = np.iinfo(str(column.dtype).lower())
            new = new.clip(bounds.min, bounds.max)
    if isinstance(column.dtype, pd.CategoricalDtype):
        known = set(column.cat.categories)
        fresh = [value for value in pd.unique(new.dropna()) if value not in known]
        column = column.cat.add_categories(fresh)
    column = column.copy()
    if pd.api.types.is_numeric_dtype(column) and pd.api.types.is_numeric_dtype(new):
        new = new.astype(column.dtype)
    column.iloc[np.flatnonzero(rows)] = (
        new.array
    )  # a Series would be aligned, and turn bool to object
    frame[name] = column
    return frame


def drawn(
    strength: NDArray[np.float64], rate: float, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Draw rows, each with probability strength times rate."""
    return np.asarray(rng.random(len(strength)) < strength * rate)
