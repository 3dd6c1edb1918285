"""frouros' KS on numbers and chi-square on categories at 0.05, column by column.

It has no verdict over columns; these are the tests that its documentation begins with. ``psi`` asks
for its index beyond 0.1, the usual threshold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from frouros.detectors.data_drift import PSI, ChiSquareTest, KSTest

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

PACKAGE = "frouros"
ALPHA, THRESHOLD = 0.05, 0.1


def flagged(before: pd.DataFrame, after: pd.DataFrame) -> set[str]:
    found = set()
    for name in map(str, before):
        test = KSTest() if name.startswith("x") else ChiSquareTest()
        sides = [_array(part[name]) for part in (before, after)]
        if _compare(test, *sides).p_value < ALPHA:
            found.add(name)
    return found


def psi_alarm(before: NDArray[np.float64], after: NDArray[np.float64]) -> bool:
    return bool(_compare(PSI(), before, after).distance > THRESHOLD)


def _compare(test: Any, before: NDArray[Any], after: NDArray[Any]) -> Any:
    test.fit(X=before)
    return test.compare(X=after)[0]


def _array(column: pd.Series[Any]) -> NDArray[Any]:
    return np.asarray(column) if str(column.name).startswith("x") else np.asarray(column, dtype=str)
