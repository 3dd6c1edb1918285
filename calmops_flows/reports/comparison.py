"""What a generated table has of a real one: column by column, in pairs, and for the verdict."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from calmops_flows.compared import ColumnComparison, GeneratedComparison, PairComparison
from calmops_flows.detectors.decision import check
from calmops_flows.detectors.policy import DriftPolicy
from calmops_flows.errors import SpecError
from calmops_flows.profiles import profile
from calmops_flows.reports.shares import as_numbers, extent, shares

if TYPE_CHECKING:
    from calmops_flows.profiles import Profile
    from calmops_flows.records import ColumnDrift, DriftReport

TESTS = ("ks", "tvd")  # of these a numeric column shows the first, a category the second


def compare(real: pd.DataFrame, generated: pd.DataFrame) -> GeneratedComparison:
    """Compare a generated table with the real one.

    Parameters
    ----------
    real, generated : DataFrame of shape (n_rows, n_columns)
        Columns are matched by name.

    Returns
    -------
    GeneratedComparison
        Distributions, tests, missing values, ranges, correlations, and the verdict.

    Raises
    ------
    SpecError
        If a table has no rows, or the two have no column in common.
    """
    if not len(real) or not len(generated):
        raise SpecError(f"both tables need rows, got {len(real)} and {len(generated)}")
    names = [str(name) for name in real.columns if name in generated.columns]
    if not names:
        raise SpecError("the two tables have no column in common")
    only = tuple(
        tuple(str(name) for name in one.columns if name not in other.columns)
        for one, other in ((real, generated), (generated, real))
    )
    pooled = {name: (real[name], generated[name]) for name in names}
    tests = _tests(real[names], generated[names])
    columns = [_column(name, *pooled[name], tests.get(name)) for name in names]
    columns.sort(key=lambda one: (one.p_value is None, -(one.distance or 0.0)))
    return GeneratedComparison(
        (len(real), len(generated)),
        tuple(columns),
        _pairs(real[names], generated[names]),
        (only[0], only[1]),
        verdict_of(real[names], generated[names]),
    )


def verdict_of(
    reference: pd.DataFrame, current: pd.DataFrame, policy: DriftPolicy | None = None
) -> DriftReport:
    """Return the drift engine's verdict on a table against another one."""
    return check(
        _profile(reference, "real"), _profile(current, "generated"), policy or DriftPolicy()
    )


def _tests(real: pd.DataFrame, generated: pd.DataFrame) -> dict[str, ColumnDrift]:
    """Return the test of each column: dates are compared as numbers of days."""
    policy = DriftPolicy(detectors=TESTS, multivariate="off")
    found = verdict_of(_dates_as_days(real), _dates_as_days(generated), policy)
    shown: dict[str, ColumnDrift] = {}
    for test in found.columns:
        is_shown = test.detector == (TESTS[0] if test.kind == "numeric" else TESTS[1])
        if is_shown or test.name not in shown:
            shown[test.name] = test
    return shown


def _dates_as_days(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(
        **{
            str(name): as_numbers(frame[name])
            for name in frame.columns
            if pd.api.types.is_datetime64_any_dtype(frame[name])
        }
    )


def _profile(frame: pd.DataFrame, key: str) -> Profile:
    try:
        table = pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowException, TypeError) as err:
        raise SpecError(f"the table holds values of mixed types: {type(err).__name__}") from err
    return profile(table, key=key)


def _column(
    name: str, real: pd.Series, generated: pd.Series, test: ColumnDrift | None
) -> ColumnComparison:
    kind = "categorical" if as_numbers(real) is None else "numeric"
    return ColumnComparison(
        name=name,
        kind=kind,
        test=TESTS[0] if kind == "numeric" else TESTS[1],
        distance=None if test is None else test.statistic,
        p_value=None if test is None else test.adjusted_p_value,
        is_different=None if test is None else test.is_drift,
        reason="not tested" if test is None else test.reason,
        missing=(float(real.isna().mean()), float(generated.isna().mean())),
        extent=(extent(real), extent(generated)),
        shares=shares(real, generated),
    )


def _pairs(real: pd.DataFrame, generated: pd.DataFrame) -> tuple[PairComparison, ...]:
    numeric = [
        str(name)
        for name in real.columns
        if not any(
            pd.api.types.is_datetime64_any_dtype(one[name]) or as_numbers(one[name]) is None
            for one in (real, generated)
        )
    ]
    left, right = (
        pd.DataFrame({name: as_numbers(one[name]) for name in numeric}).corr().to_numpy()
        for one in (real, generated)
    )
    found = [
        PairComparison((numeric[i], numeric[j]), float(left[i, j]), float(right[i, j]))
        for i, j in combinations(range(len(numeric)), 2)
        if np.isfinite([left[i, j], right[i, j]]).all()
    ]
    return tuple(sorted(found, key=lambda pair: -pair.difference))


def plain(comparison: GeneratedComparison) -> dict[str, Any]:
    """Return a comparison as plain values, for JSON."""
    verdict = comparison.verdict
    return {
        "rows": {"real": comparison.rows[0], "generated": comparison.rows[1]},
        "only_real": list(comparison.only[0]),
        "only_generated": list(comparison.only[1]),
        "verdict": {
            "is_drift": verdict.is_drift,
            "alpha": verdict.alpha,
            "columns": list(verdict.drifted),
            "untestable": verdict.untestable,
        },
        "columns": [
            {
                "name": one.name,
                "kind": one.kind,
                "test": one.test,
                "distance": one.distance,
                "adjusted_p_value": one.p_value,
                "is_different": one.is_different,
                "reason": one.reason,
                "missing": list(one.missing),
                "extent": list(one.extent),
                "bins": list(one.shares.labels),
                "real": list(one.shares.real),
                "generated": list(one.shares.generated),
            }
            for one in comparison.columns
        ],
        "mean_correlation_difference": comparison.mean_pair_difference,
        "pairs": [
            {"columns": list(pair.columns), "real": pair.real, "generated": pair.generated}
            for pair in comparison.pairs
        ],
    }
