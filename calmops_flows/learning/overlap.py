"""Keep rows out of training that equal a row which judges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from calmops_flows.learning.columns import feature_names

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from calmops_flows.learning.columns import ContractLike

NATURAL = 0.05


@dataclass(slots=True, eq=False)
class Overlap:
    """The contents of the judging rows, and whether equal contents mean equal rows.

    A row of an earlier snapshot that has the content (features and target) of a judging row is most
    likely the same row, delivered twice, and must not teach. In data of few distinct values
    different rows are often equal, though. The snapshot itself tells: its training and
    judging rows are different ones. If more than `NATURAL` of its judging rows have an equal
    among its training rows, equality is natural, and nothing is left out.

    Parameters
    ----------
    digests : ndarray of shape (n_judging,)
        Contents of the judging rows.
    natural_share : float
        Share of the judging rows that have an equal among the snapshot's own training rows.
    contract : ContractLike
        Columns that make up a row's content.
    n_equal : int
        Rows met so far that equal a judging row.
    """

    digests: NDArray[np.uint64]
    natural_share: float
    contract: ContractLike
    n_equal: int = 0

    @classmethod
    def of(cls, train: pa.Table, judges: pa.Table, contract: ContractLike) -> Overlap:
        """Compare the training and judging rows of one snapshot.

        Parameters
        ----------
        train, judges : pyarrow.Table
            Different rows of the snapshot.
        contract : ContractLike
            Columns that make up a row's content.

        Returns
        -------
        Overlap
            The guard.
        """
        digests = row_digests(judges, contract)
        share = 0.0
        if len(digests):
            share = float(np.isin(digests, row_digests(train, contract)).mean())
        return cls(np.unique(digests), share, contract)

    def removed(self, table: pa.Table) -> pa.Table:
        """Return a table without the rows that equal a judging one.

        Parameters
        ----------
        table : pyarrow.Table
            Rows of earlier snapshots.

        Returns
        -------
        pyarrow.Table
            The rows that may teach, in their order.
        """
        if not len(self.digests) or not table.num_rows:
            return table
        is_equal = np.isin(row_digests(table, self.contract), self.digests)
        self.n_equal += int(is_equal.sum())
        if self.natural_share > NATURAL or not is_equal.any():
            return table
        return table.filter(pa.array(~is_equal))

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out, and why, or why not."""
        if not self.n_equal:
            return ()
        if self.natural_share <= NATURAL:
            return (f"{self.n_equal} earlier rows equal judging rows: left out of the training",)
        return (self._why_kept(),)

    def _why_kept(self) -> str:
        return (
            f"{self.n_equal} earlier rows equal judging rows; so do training rows of the same "
            f"snapshot ({self.natural_share:.0%} of the judging rows have one), so equal rows are "
            "natural here and were kept"
        )


def row_digests(table: pa.Table, contract: ContractLike) -> NDArray[np.uint64]:
    """Return a digest of each row's features and target.

    Parameters
    ----------
    table : pyarrow.Table
        Rows that conform to the contract.
    contract : ContractLike
        Columns.

    Returns
    -------
    ndarray of shape (n_rows,)
        Equal for equal rows; for different ones equal with a chance of 2**-64 per pair.
    """
    from pandas.util import hash_pandas_object

    names = feature_names(contract)
    if contract.target is not None:
        names.append(contract.target)
    columns = {name: _plain(table.column(name)) for name in names if name in table.column_names}
    frame = pa.table(columns).to_pandas()
    return np.asarray(hash_pandas_object(frame, index=False), dtype=np.uint64)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return numbers as float64 and categories as text, whether or not some are missing."""
    if pa.types.is_boolean(column.type):
        column = pc.cast(column, pa.int8())
    if pa.types.is_integer(column.type):
        return pc.cast(column, pa.float64(), safe=False)
    return pc.cast(column, pa.string()) if pa.types.is_dictionary(column.type) else column
