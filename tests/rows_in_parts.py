"""Rows of all types for the tests of long tables, and what a report says in numbers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from calmops_flows.records import DriftReport


def mixed(rng: np.random.Generator, shift: float, n_rows: int | None = None) -> pa.Table:
    """Draw numbers, whole numbers, texts, booleans and dates with missing values."""
    n = n_rows or int(rng.integers(40, 400))
    n_words = int(rng.integers(1, 60))
    columns = {
        "number": rng.normal(shift, 1, n) * 10.0 ** rng.integers(-6, 7),
        "whole": rng.poisson(3 + 5 * shift, n),
        "word": np.array([f"w{i}" for i in range(n_words)])[
            (rng.random(n) ** (1 + shift) * n_words).astype(int)
        ],
        "flag": rng.random(n) < 0.3 + 0.5 * shift,
        "day": np.datetime64("2026-01-01", "s") + rng.integers(0, 10**7, n),
    }
    missing = np.where(rng.random(len(columns)) < 0.7, rng.random(len(columns)) / 2, 0.0)
    return pa.table(
        {
            name: pa.array(values, mask=rng.random(n) < share)
            for (name, values), share in zip(columns.items(), missing, strict=True)
        }
    )


def statistics(report: DriftReport) -> list[float]:
    """Return every figure of a report, NaN where there is none."""
    tests = [*report.columns, *([report.multivariate] if report.multivariate else [])]
    figures = [(one.statistic, one.p_value, one.adjusted_p_value, one.effect_size) for one in tests]
    return [float("nan") if figure is None else figure for row in figures for figure in row]
