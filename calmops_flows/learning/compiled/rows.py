"""A few rows as columns of plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Rows:
    """What compiled models take instead of a frame.

    Attributes
    ----------
    columns : mapping of str to sequence
        Values by column: numbers, booleans and texts, None where missing; moments without a zone
        in any form that ``datetime64`` reads.
    n_rows : int
        Length of each column.
    """

    columns: Mapping[str, Sequence[Any]]
    n_rows: int

    def __len__(self) -> int:
        """Return the number of rows, as a frame does."""
        return self.n_rows

    def take(self, places: Sequence[int]) -> Rows:
        """Return some rows.

        Parameters
        ----------
        places : sequence of int
            Their numbers.

        Examples
        --------
        >>> Rows({"x": [1, 2, 3]}, 3).take([0, 2]).columns
        {'x': [1, 3]}
        """
        columns = {
            name: [values[place] for place in places] for name, values in self.columns.items()
        }
        return Rows(columns, len(places))
