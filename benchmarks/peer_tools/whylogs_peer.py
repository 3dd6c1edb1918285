"""whylogs: two profiles, and its drift scores with their default thresholds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import whylogs  # type: ignore[import-not-found]
from whylogs.viz.drift.column_drift_algorithms import (  # type: ignore[import-not-found]
    calculate_drift_scores,
)

if TYPE_CHECKING:
    import pandas as pd

PACKAGE = "whylogs"


def flagged(before: pd.DataFrame, after: pd.DataFrame) -> set[str]:
    reference, current = (whylogs.log(pandas=part).view() for part in (before, after))
    scores = calculate_drift_scores(current, reference, with_thresholds=True)
    return {
        name
        for name, score in scores.items()
        if score is not None and score["drift_category"] == "DRIFT"
    }
