"""Coarse profiles: no row's own value, a stated error, and verdicts that stay on the safe side."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calmops_flows.detectors.decision import DriftPolicy, check
from calmops_flows.errors import SpecError
from calmops_flows.profiles import (
    CategoricalColumn,
    Coarsening,
    NumericColumn,
    coarsen,
    from_bytes,
    merge,
    profile,
    to_bytes,
)

COARSE = Coarsening(points=64, min_rows=10)


def numeric(values: np.ndarray, coarsening: Coarsening = COARSE) -> NumericColumn:  # type: ignore[type-arg]
    column = coarsen(profile(pa.table({"x": values})), coarsening).columns["x"]
    assert isinstance(column, NumericColumn)
    return column


def assert_ranks_hold(column: NumericColumn, values: np.ndarray) -> None:  # type: ignore[type-arg]
    at = np.unique(np.concatenate((values, column.values, np.nextafter(column.values, -np.inf))))
    true = np.searchsorted(np.sort(values), at, side="right")
    estimate = column.ranks(at)
    assert (estimate <= true).all()
    assert (true <= estimate + column.rank_error).all()


@given(
    st.lists(st.floats(-1e12, 1e12, allow_subnormal=False), min_size=1, max_size=300),
    st.integers(8, 40),
    st.integers(1, 20),
)
@settings(max_examples=60, deadline=None)
def test_stated_rank_error_holds(values: list[float], points: int, min_rows: int) -> None:
    data = np.array(values) + 0.0

    column = numeric(data, Coarsening(points, min_rows))

    assert_ranks_hold(column, data)
    assert len(column.values) <= points
    assert column.counts.sum() == len(data)
    assert len(column.values) == 1 or column.counts.min() >= min_rows


@pytest.mark.parametrize("n", [500, 30_000])
def test_points_are_no_values_of_the_rows(n: int) -> None:
    values = np.random.default_rng(0).lognormal(3, 2, n)

    column = numeric(values)

    assert not np.isin(column.values, values).any()
    assert_ranks_hold(column, values)


def test_codes_of_many_rows_keep_their_values() -> None:
    values = np.repeat([0.0, 1.0, 5.0], 40)

    column = numeric(values)

    assert column.values.tolist() == [0.0, 1.0, 5.0]
    assert column.rank_error == 0


def test_infinite_values_stay_the_largest() -> None:
    values = np.append(np.random.default_rng(0).normal(size=500), [np.inf] * 20)

    assert_ranks_hold(numeric(values), values)


def test_rare_levels_lose_their_names_and_the_sample_goes() -> None:
    table = pa.table({"city": ["A"] * 50 + ["B"] * 9 + ["C"]})

    coarse = coarsen(profile(table, key="file"), COARSE)

    column = coarse.columns["city"]
    assert isinstance(column, CategoricalColumn)
    assert column.levels == ("A",)
    assert int(column.tail.sum()) == 10
    assert coarse.sample is None
    assert b"B" not in b"".join(level.encode() for level in column.levels)


def test_coarse_profiles_merge_and_are_saved() -> None:
    parts = [np.random.default_rng(seed).normal(seed, 1, 800) for seed in (0, 1)]

    merged = merge(*(coarsen(profile(pa.table({"x": part})), COARSE) for part in parts))

    column = from_bytes(to_bytes(merged)).columns["x"]
    assert isinstance(column, NumericColumn)
    assert_ranks_hold(column, np.concatenate(parts))


def batch(rng: np.random.Generator, shift: float = 0.0, n: int = 1_000) -> pa.Table:
    data = {f"x{i}": rng.normal(shift if i == 0 else 0.0, 1, n) for i in range(6)}
    return pa.table({**data, "c": rng.choice(list("abcdefgh"), n)})


def test_coarse_verdicts_hold_their_error_rate() -> None:
    rng = np.random.default_rng(5)
    alarms = 0
    for _ in range(60):
        before, after = (coarsen(profile(batch(rng)), COARSE) for _ in range(2))
        alarms += bool(check(before, after, DriftPolicy()).is_drift)

    assert alarms <= 7  # 60 trials at .05: P(more than 7) = .01


def test_coarse_verdicts_still_see_drift() -> None:
    rng = np.random.default_rng(6)

    before, after = coarsen(profile(batch(rng)), COARSE), coarsen(profile(batch(rng, 1.0)), COARSE)

    report = check(before, after, DriftPolicy())
    assert report.drifted == ("x0",)
    assert report.multivariate is not None
    assert report.multivariate.is_drift is None


def test_too_few_points_are_refused() -> None:
    with pytest.raises(SpecError, match="points >= 8"):
        Coarsening(points=2)
