"""Evidently's data-drift preset, with its defaults; its column alarms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import evidently  # type: ignore[import-untyped]
import numpy as np

if TYPE_CHECKING:
    import pandas as pd

PACKAGE = "evidently"


def flagged(before: pd.DataFrame, after: pd.DataFrame) -> set[str]:
    from evidently.presets import DataDriftPreset  # type: ignore[import-untyped]

    numbers = [name for name in map(str, before) if name.startswith("x")]
    words = [name for name in map(str, before) if not name.startswith("x")]
    definition = evidently.DataDefinition(numerical_columns=numbers, categorical_columns=words)
    sets = [
        evidently.Dataset.from_pandas(part, data_definition=definition) for part in (after, before)
    ]
    found = evidently.Report([DataDriftPreset()]).run(*sets).dict()
    return {
        metric["config"]["column"]
        for metric in found["metrics"]
        if metric["config"]["type"].endswith("ValueDrift") and _is_alarm(metric)
    }


def chi_square_alarm(before: pd.Series[Any], after: pd.Series[Any]) -> bool:
    """Run its test of one category column, at its own threshold for p-values, 0.05."""
    from evidently.legacy.calculations.stattests.chisquare_stattest import (  # type: ignore[import-untyped]
        chi_stat_test,
    )
    from evidently.legacy.core import ColumnType  # type: ignore[import-untyped]

    with np.errstate(divide="ignore", invalid="ignore"):  # it divides by absent levels
        return bool(chi_stat_test(before, after, ColumnType.Categorical, 0.05).drifted)


def _is_alarm(metric: dict[str, object]) -> bool:
    config, value = metric["config"], metric["value"]
    assert isinstance(config, dict)
    assert isinstance(value, float | int)
    threshold = float(config["threshold"])
    return value < threshold if "p_value" in str(config["method"]) else value >= threshold
