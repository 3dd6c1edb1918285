"""The verdict over columns and tests: error rate, power, floors, reasons."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from calmops_flows.detectors import DETECTORS
from calmops_flows.detectors.decision import (
    BELOW_FLOOR,
    BELOW_THRESHOLD,
    DEFAULT_SUITE,
    ColumnPolicy,
    DriftPolicy,
    check,
)
from calmops_flows.errors import SpecError
from calmops_flows.profiles import profile
from calmops_flows.records import ColumnDrift, DriftReport
from calmops_flows.spec import DriftSpec

POLICY = DriftPolicy()
PLAIN_SUITE = ("ks", "chi_square", "missing_rate")


def compare(before: dict[str, Any], after: dict[str, Any], **policy: Any) -> DriftReport:
    tables = (pa.table(before), pa.table(after))
    reference, current = (profile(table) for table in tables)
    return check(reference, current, DriftPolicy(**policy))


def only(report: DriftReport, detector: str) -> ColumnDrift:
    (found,) = [column for column in report.columns if column.detector == detector]
    return found


def mixed(rng: np.random.Generator, n: int, *, numeric: int, categorical: int) -> pa.Table:
    data: dict[str, Any] = {}
    for i in range(numeric):
        values = (rng.normal(size=n), rng.lognormal(size=n), rng.poisson(3, n), rng.random(n))[
            i % 4
        ]
        data[f"n{i}"] = np.where(rng.random(n) < 0.1, np.nan, values) if i % 5 == 0 else values
    for i in range(categorical):
        data[f"c{i}"] = pa.array(rng.integers(0, 5 + 20 * i, n)).cast(pa.string())
    return pa.table(data)


def test_any_alarm_without_drift_keeps_the_stated_rate() -> None:
    rng, runs = np.random.default_rng(43), 150

    reports = [
        check(
            profile(mixed(rng, 1_000, numeric=40, categorical=10)),
            profile(mixed(rng, 1_000, numeric=40, categorical=10)),
            POLICY,
        )
        for _ in range(runs)
    ]

    alarms = np.mean([report.is_drift is True for report in reports])
    assert alarms <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / runs)


def test_half_a_deviation_in_one_of_twenty_columns_is_found() -> None:
    rng = np.random.default_rng(47)
    found = []

    for _ in range(20):
        after = {f"x{i}": rng.normal(0.5 * (i == 7), 1, 1_000) for i in range(20)}
        found.append(compare({f"x{i}": rng.normal(size=1_000) for i in range(20)}, after).drifted)

    assert sum("x7" in names for names in found) >= 19


def test_small_shift_of_many_rows_is_reported_but_no_drift() -> None:
    rng = np.random.default_rng(53)
    before, after = rng.normal(size=1_000_000), rng.normal(0.012, 1, 1_000_000)

    report = compare({"x": before}, {"x": after})

    found = only(report, "location_scale")
    assert report.is_drift is False
    assert found.adjusted_p_value is not None
    assert found.adjusted_p_value <= 0.05
    assert (found.is_drift, found.reason) == (False, BELOW_FLOOR)


def test_floor_of_the_policy_replaces_those_of_the_detectors() -> None:
    rng = np.random.default_rng(59)
    before, after = {"x": rng.normal(size=2_000)}, {"x": rng.normal(0.4, 1, 2_000)}

    assert compare(before, after).is_drift is True
    assert compare(before, after, min_effect=0.9).is_drift is False


def test_holm_adjusts_over_all_columns_and_tests() -> None:
    rng = np.random.default_rng(61)
    before = mixed(rng, 500, numeric=6, categorical=2)
    after = mixed(rng, 500, numeric=6, categorical=2)

    report = check(profile(before), profile(after), DriftPolicy(detectors=PLAIN_SUITE))

    smallest = min(report.columns, key=lambda c: (c.p_value is None, c.p_value))
    n_tests = 8 + 2  # one for each column, and the missing rate of n0 and n5
    assert smallest.p_value is not None
    assert len(report.columns) == n_tests
    assert smallest.adjusted_p_value == pytest.approx(min(1.0, n_tests * smallest.p_value))


def test_constant_columns_cost_the_others_nothing() -> None:
    rng = np.random.default_rng(67)
    before, after = {"x": rng.normal(size=200)}, {"x": rng.normal(0.3, 1, 200)}
    constants = {f"k{i}": [1.0] * 200 for i in range(500)}

    alone = compare(before, after)
    among = compare(before | constants, after | constants)

    assert alone.columns[0].adjusted_p_value == among.columns[0].adjusted_p_value
    assert {c.is_drift for c in among.columns[1:]} == {False}
    assert {c.p_value for c in among.columns[1:]} == {1.0}


def test_bh_finds_at_least_what_holm_finds() -> None:
    rng = np.random.default_rng(71)
    before = {f"x{i}": rng.normal(size=300) for i in range(30)}
    after = {f"x{i}": rng.normal(0.3 * (i < 12), 1, 300) for i in range(30)}

    holm, bh = compare(before, after), compare(before, after, correction="bh")

    assert set(holm.drifted) < set(bh.drifted)


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ([1.0] * 9, [None] * 9, "all values missing in the current data"),
        ([None] * 9, [1.0] * 9, "all values missing in the reference data"),
        ([1.0] * 9, [1.0, 2.0], "fewer than 5 values in the current data"),
        ([1.0] * 9, [], "no rows in the current data"),
        (["a"] * 9, ["b"] * 3, "fewer than 5 values in the current data"),
    ],
)
def test_what_cannot_be_tested_says_why(before: list[Any], after: list[Any], reason: str) -> None:
    kind = pa.string() if "a" in before else pa.float64()

    report = compare({"x": pa.array(before, kind)}, {"x": pa.array(after, kind)})

    main = report.columns[0]
    assert (main.is_drift, main.p_value, main.reason) == (None, None, reason)


def test_column_that_went_missing_is_drift_of_its_missing_rate() -> None:
    report = compare({"x": [1.0] * 50}, {"x": pa.nulls(50, pa.float64())})

    assert report.is_drift is True
    assert only(report, "missing_rate").is_drift is True
    assert only(report, "location_scale").is_drift is None


@pytest.mark.parametrize(("n_odd", "p_min"), [(1, "1"), (2, "0.44")])
def test_too_few_rows_to_ever_reject_are_untestable(n_odd: int, p_min: str) -> None:
    before = ["a"] * (5 - n_odd) + ["b"] * n_odd

    report = compare({"x": before}, {"x": ["a"] * 5})

    assert report.is_drift is None
    assert report.untestable == {"x": f"too few values: the smallest possible p-value is {p_min}"}


def test_columns_in_only_one_sample_are_named() -> None:
    rng = np.random.default_rng(73)
    x = rng.normal(size=100)

    report = compare({"x": x, "gone": x}, {"new": x, "x": x})

    assert report.is_drift is False
    assert report.untestable == {
        "gone": "column only in the reference data",
        "new": "column only in the current data",
    }


def test_change_of_kind_is_untestable_but_its_missing_rate_is_not() -> None:
    words = pa.array(["a", None] * 40)

    report = compare({"x": np.arange(80.0)}, {"x": words})

    assert report.columns[0].reason == "kind changed from numeric to categorical"
    assert [(c.detector, c.is_drift) for c in report.columns] == [
        ("none", None),
        ("missing_rate", True),
    ]


def test_dates_that_advance_are_no_drift() -> None:
    days = [dt.date(2013, 1, 1) + dt.timedelta(days=i) for i in range(60)]

    report = compare({"day": days[:30]}, {"day": days[30:]})

    assert report.is_drift is None
    assert report.untestable == {"day": "dates advance by nature: their values are not tested"}


def test_missing_dates_are_drift() -> None:
    days: list[dt.date | None] = [dt.date(2013, 1, 1)] * 60

    report = compare({"day": days}, {"day": days[:20] + [None] * 40})

    assert report.drifted == ("day",)


def test_nested_columns_are_untestable_and_spoil_nothing() -> None:
    rng = np.random.default_rng(79)
    before = {"tags": [[1]] * 200, "x": rng.normal(size=200)}
    after = {"tags": [[2]] * 200, "x": rng.normal(3, 1, 200)}

    report = compare(before, after)

    assert report.drifted == ("x",)
    assert "list<" in report.untestable["tags"]


def test_empty_tables_leave_no_verdict() -> None:
    empty = {"x": pa.array([], pa.float64()), "w": pa.array([], pa.string())}

    report = compare(empty, empty)

    assert report.is_drift is None
    assert set(report.untestable.values()) == {"no rows in the reference data"}


def test_tables_without_common_columns_leave_no_verdict() -> None:
    report = compare({"x": [1.0] * 9}, {"y": [1.0] * 9})

    assert report.is_drift is None


def test_one_row_gives_no_verdict() -> None:
    report = compare({"x": np.arange(100.0), "w": ["a", "b"] * 50}, {"x": [1.0], "w": ["a"]})

    assert report.is_drift is None
    assert set(report.untestable) == {"x", "w"}


def test_ignored_columns_leave_the_report_and_the_family() -> None:
    rng = np.random.default_rng(83)
    before = profile(pa.table({"id": np.arange(100), "x": rng.normal(size=100)}))
    after = profile(pa.table({"id": np.arange(100, 200), "x": rng.normal(size=100)}))

    report = check(before, after, POLICY, ignore=frozenset({"id"}))

    assert [c.name for c in report.columns] == ["x"]
    assert report.columns[0].p_value == report.columns[0].adjusted_p_value


def test_ten_thousand_columns_give_a_verdict() -> None:
    rng = np.random.default_rng(89)
    before, after = rng.normal(size=(10_000, 50)), rng.normal(size=(10_000, 50))
    after[1234] += 4.0

    report = compare(
        {f"x{i}": row for i, row in enumerate(before)},
        {f"x{i}": row for i, row in enumerate(after)},
    )

    assert len(report.columns) == 10_000
    assert report.drifted == ("x1234",)


def test_report_states_rows_and_alpha() -> None:
    report = compare({"x": [1.0] * 9}, {"x": [1.0] * 8}, alpha=0.01)

    assert (report.reference_rows, report.current_rows, report.alpha) == (9, 8, 0.01)
    assert report.is_drift is False


def test_default_suite_is_in_the_family() -> None:
    assert set(DEFAULT_SUITE) <= set(DETECTORS)


def test_policy_is_read_from_the_spec() -> None:
    spec = DriftSpec(alpha=0.01, correction="bh", min_effect=0.1, detectors=("ks",))

    assert DriftPolicy.from_spec(spec) == DriftPolicy(0.01, "bh", 0.1, ("ks",))
    assert DriftPolicy.from_spec(DriftSpec()) == POLICY


def test_restricted_policy_says_that_no_detector_applies() -> None:
    report = compare({"w": ["a", "b"] * 9}, {"w": ["a", "b"] * 9}, detectors=("ks",))

    assert report.untestable == {"w": "no detector of the policy applies to categorical columns"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"alpha": 0.0}, "alpha must lie between 0 and 1, got 0.0"),
        ({"alpha": float("nan")}, "alpha must lie between 0 and 1"),
        ({"correction": "none"}, "must be one of .*'holm'.*, got 'none'"),
        ({"min_effect": -1.0}, "must not be negative"),
        ({"detectors": ("pso",)}, "must be some of .*'ks'.*, got .'pso'."),
        ({"detectors": ()}, "must be some of"),
    ],
)
def test_policy_refuses_what_it_does_not_know(values: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        DriftPolicy(**values)


@pytest.mark.parametrize(
    "values",
    [
        pa.array([[1], None, [2, 3]] * 400),
        pa.array([{"a": 1}, None, {"a": 2}] * 400),
        pa.array([b"x", None, b"y"] * 400),
        pa.array([1, None, 3] * 400, pa.timestamp("s")),
    ],
    ids=["list", "struct", "binary", "date"],
)
def test_values_without_a_test_are_named_beside_their_missing_rate(values: pa.Array) -> None:
    fuller = pa.table({"x": values.drop_null()})

    report = check(profile(fuller), profile(pa.table({"x": values})), DriftPolicy())

    assert [test.detector for test in report.columns] == ["none", "missing_rate"]
    assert report.drifted == ("x",)
    assert list(report.untestable) == ["x"]


@pytest.mark.parametrize(("threshold", "is_drift"), [(0.03, True), (0.05, False)])
def test_threshold_is_held_against_the_statistic(threshold: float, is_drift: bool) -> None:
    before = profile(pa.table({"x": ["a"] * 600 + ["b"] * 400}))
    after = profile(pa.table({"x": ["a"] * 500 + ["b"] * 500}))
    override = ColumnPolicy(detector="psi", threshold=threshold)

    report = check(before, after, DriftPolicy(columns={"x": override}))

    (test,) = [test for test in report.columns if test.detector == "psi"]
    assert test.statistic == pytest.approx(0.0405, abs=1e-3)  # as the doctest of psi states
    assert test.is_drift is is_drift
    assert test.reason == (None if is_drift else BELOW_THRESHOLD)


def test_threshold_does_not_stand_in_for_significance() -> None:
    before = profile(pa.table({"x": ["a"] * 6 + ["b"] * 14}))
    after = profile(pa.table({"x": ["a"] * 12 + ["b"] * 8}))
    override = ColumnPolicy(detector="psi", threshold=0.1)

    report = check(before, after, DriftPolicy(columns={"x": override}))

    assert report.columns[0].statistic > 0.1  # type: ignore[operator]
    assert report.is_drift is False


def test_threshold_without_its_detector_is_refused() -> None:
    with pytest.raises(SpecError, match=r"drift\.columns\.x\.detector"):
        DriftPolicy(columns={"x": ColumnPolicy(threshold=0.2)})


def test_nested_type_that_changed_is_named() -> None:
    report = compare({"x": [[1]] * 50}, {"x": [{"a": 1}] * 50})

    assert report.untestable["x"].startswith("type changed from list<")
    assert report.is_drift is None
