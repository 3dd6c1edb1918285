"""How many rows share what an outsider may know: k-anonymity and l-diversity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from calmops_flows.errors import SpecError
from calmops_flows.generators.injection.base import require

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Anonymity:
    """How well rows hide among others.

    Parameters
    ----------
    quasi_identifiers : tuple of str
        Columns that an outsider may know.
    rows, classes : int
        Rows, and groups of rows that agree in these columns.
    k : int
        Rows of the smallest group; 0 without rows.
    unique_rows : int
        Rows that are alone in their group.
    diversity : dict of str to int
        For each sensitive column the fewest distinct values within a group (distinct l).
    """

    quasi_identifiers: tuple[str, ...]
    rows: int
    classes: int
    k: int
    unique_rows: int
    diversity: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "quasi_identifiers": list(self.quasi_identifiers),
            "rows": self.rows,
            "classes": self.classes,
            "k": self.k,
            "unique_rows": self.unique_rows,
            "l_diversity": dict(self.diversity),
        }


def k_anonymity(
    data: pd.DataFrame, quasi_identifiers: Sequence[str], *, sensitive: Sequence[str] = ()
) -> Anonymity:
    """Count how many rows share each combination of quasi-identifiers [1]_.

    Parameters
    ----------
    data : DataFrame
        The table.
    quasi_identifiers : sequence of str
        Columns that an outsider may know; a missing value agrees with a missing value only.
    sensitive : sequence of str, default=()
        Columns whose diversity within the groups is counted [2]_; a missing value counts as one.

    Returns
    -------
    Anonymity
        The smallest group, and more.

    Raises
    ------
    SpecError
        If there are no quasi-identifiers, or a column is not there.

    References
    ----------
    .. [1] L. Sweeney, "k-anonymity: a model for protecting privacy", 2002.
    .. [2] A. Machanavajjhala et al., "l-diversity: privacy beyond k-anonymity", 2007, section 4.

    Examples
    --------
    >>> table = pd.DataFrame({"age": [30, 30, 40], "city": ["x", "x", "x"], "ill": [0, 1, 1]})
    >>> found = k_anonymity(table, ["age", "city"], sensitive=["ill"])
    >>> found.k, found.classes, found.unique_rows, found.diversity
    (1, 2, 1, {'ill': 1})
    """
    names = list(quasi_identifiers)
    if not names:
        raise SpecError("name at least one quasi-identifier")
    require(data, [*names, *sensitive])
    group = groups_of(data, names)
    sizes = np.bincount(group) if len(group) else np.zeros(0, dtype=np.int64)
    diversity = {
        name: int(pd.Series(pd.factorize(data[name])[0]).groupby(group).nunique().min())
        for name in sensitive
        if len(group)
    }
    return Anonymity(
        tuple(names),
        len(data),
        len(sizes),
        int(sizes.min()) if len(sizes) else 0,
        int((sizes == 1).sum()),
        diversity,
    )


def groups_of(data: pd.DataFrame, names: Sequence[str]) -> NDArray[np.intp]:
    """Return for each row the number of its group: rows that agree in all these columns."""
    group = np.zeros(len(data), dtype=np.intp)
    for name in names:
        codes, _ = pd.factorize(data[name])
        pairs = group * (len(data) + 1) + (codes + 1)
        group = np.unique(pairs, return_inverse=True)[1]
    return group
