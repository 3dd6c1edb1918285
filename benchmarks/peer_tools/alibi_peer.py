"""alibi-detect's TabularDrift with Bonferroni's correction at 0.05."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

PACKAGE = "alibi-detect"


def flagged(before: pd.DataFrame, after: pd.DataFrame) -> set[str]:
    from alibi_detect.cd import TabularDrift  # type: ignore[import-not-found]

    sides = _coded(before, after)
    names = [str(name) for name in before]
    words = {i: None for i, name in enumerate(names) if not name.startswith("x")}
    detector = TabularDrift(sides[0], p_val=0.05, categories_per_feature=words)
    found = detector.predict(sides[1], drift_type="feature")["data"]
    level = 0.05 / before.shape[1]  # what its verdict over columns compares with
    return {name for name, p in zip(names, found["p_val"], strict=True) if p < level}


def _coded(before: pd.DataFrame, after: pd.DataFrame) -> list[NDArray[np.float32]]:
    """Return one array per side, as it wants them, its categories numbered."""
    sides = [np.empty(part.shape, dtype=np.float32) for part in (before, after)]
    for i, name in enumerate(map(str, before)):
        columns = [np.asarray(part[name]) for part in (before, after)]
        if not name.startswith("x"):
            _, codes = np.unique(np.concatenate(columns).astype(str), return_inverse=True)
            columns = list(np.split(codes, [len(before)]))
        for side, column in zip(sides, columns, strict=True):
            side[:, i] = column
    return sides
