"""The adapter to frouros' batch detectors."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from calmops_flows.detectors import (
    ALL_DETECTORS,
    DETECTORS,
    FROUROS_DETECTORS,
    KolmogorovSmirnov,
    MannWhitney,
    Wasserstein,
)
from calmops_flows.detectors.decision import DriftPolicy, check
from calmops_flows.profiles import Column, profile


def column(values: object) -> Column:
    return profile(pa.table({"x": values})).columns["x"]


@pytest.fixture(autouse=True)
def few_permutations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("calmops_flows.detectors.frouros_batch.N_PERMUTATIONS", 99)


# KL is infinite wherever only one sample has an empty bin, permuted or not
@pytest.mark.parametrize("name", sorted(set(FROUROS_DETECTORS) - {"frouros:KL"}))
def test_each_detector_sees_a_clear_change(name: str) -> None:
    rng = np.random.default_rng(1)
    before, after = column(rng.normal(0, 3, 80)), column(rng.normal(4, 1, 60))

    found = ALL_DETECTORS[name](before, after)

    assert found is not None
    assert found.reason is None
    assert found.p_value is not None
    assert found.p_value <= 0.02
    assert found.effect_size is not None
    assert found.effect_size > 1.0


def test_ours_agree_with_frouros_where_it_is_right() -> None:
    rng = np.random.default_rng(2)
    before, after = column(rng.normal(size=90)), column(rng.normal(0.3, 1, 100))

    theirs = FROUROS_DETECTORS["frouros:KSTest"](before, after)
    ours = KolmogorovSmirnov()(before, after)
    ranks = FROUROS_DETECTORS["frouros:MannWhitneyUTest"](before, after)
    distance = FROUROS_DETECTORS["frouros:EMD"](before, after)

    assert theirs is not None
    assert ours.statistic == pytest.approx(theirs.statistic)
    assert ours.p_value == pytest.approx(theirs.p_value, rel=1e-6)
    assert ranks is not None
    assert MannWhitney()(before, after).p_value == pytest.approx(ranks.p_value, rel=0.05)
    assert distance is not None
    assert distance.statistic is not None
    deviation = np.sqrt(np.average((before.values - before.values.mean()) ** 2))  # type: ignore[union-attr]
    assert Wasserstein()(before, after).statistic == pytest.approx(distance.statistic / deviation)


def test_grids_and_infinite_values_are_untestable() -> None:
    rng = np.random.default_rng(3)
    grid, exact = column(rng.normal(size=30_000)), column(rng.normal(size=100))
    test = FROUROS_DETECTORS["frouros:KSTest"]

    gridded, infinite = test(grid, exact), test(exact, column([1.0, 2.0, 3.0, 4.0, np.inf]))

    assert gridded is not None
    assert "needs exact columns" in (gridded.reason or "")
    assert infinite is not None
    assert "needs finite values" in (infinite.reason or "")


def test_policy_takes_them_by_name() -> None:
    rng = np.random.default_rng(5)
    before, after = pa.table({"x": rng.normal(size=100)}), pa.table({"x": rng.normal(2, 1, 100)})

    report = check(profile(before), profile(after), DriftPolicy(detectors=("frouros:CVMTest",)))

    assert report.drifted == ("x",)


def test_own_detectors_have_no_prefix() -> None:
    assert not any(name.startswith("frouros") for name in DETECTORS)
    assert set(ALL_DETECTORS) == set(DETECTORS) | set(FROUROS_DETECTORS)
