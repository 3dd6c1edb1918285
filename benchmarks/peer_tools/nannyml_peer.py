"""NannyML's univariate calculator with its defaults, and its CBPE."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nannyml  # type: ignore[import-not-found]
import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping

PACKAGE = "nannyml"


def flagged(before: pd.DataFrame, after: pd.DataFrame) -> set[str]:
    """Name the columns with an alert in any chunk of the current data."""
    names = list(before)
    calculator = nannyml.UnivariateDriftCalculator(column_names=names)
    found = calculator.fit(before).calculate(after).filter(period="analysis").to_df()
    alerts = [key for key in found.columns if key[-1] == "alert"]
    return {str(key[0]) for key in alerts if bool(found[key].any())}


def cbpe(path: str) -> dict[str, float]:
    """Share of CBPE's estimates within 1.96 and within 3 (its own choice) sampling errors."""
    inside: list[bool] = []
    wide: list[bool] = []
    gaps: list[float] = []
    seconds: list[float] = []
    for case in json.loads(Path(path).read_text(encoding="utf-8")):
        row, spent = _estimate(case)
        seconds.append(spent)
        for metric in ("accuracy", "roc_auc"):
            gap = abs(row[(metric, "value")] - case[metric])
            error = row[(metric, "sampling_error")]
            inside.append(bool(gap <= 1.96 * error))
            wide.append(bool(gap <= 3 * error))
            gaps.append(float(gap))
    parts = {"inside": inside, "wide": wide, "gap": gaps, "seconds": seconds}
    return {name: float(np.asarray(values, dtype=float).mean()) for name, values in parts.items()}


def _estimate(case: Mapping[str, Any]) -> tuple[Any, float]:
    before, after = (pd.DataFrame(case[part]) for part in ("reference", "current"))
    estimator = nannyml.CBPE(
        y_pred_proba="p",
        y_pred="said",
        y_true="y",
        metrics=["accuracy", "roc_auc"],
        problem_type="classification_binary",
        chunk_number=1,
    )
    estimator.fit(before)
    started = time.process_time()
    found = estimator.estimate(after.drop(columns="y")).to_df()
    spent = time.process_time() - started
    return found[found[("chunk", "period")] == "analysis"].iloc[0], spent


QUESTIONS = {"cbpe": cbpe}
