"""Policy, votes, overrides, budgets over time, persistence, dependent rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from calmops_flows.detectors.decision import ColumnPolicy, DriftPolicy, check
from calmops_flows.detectors.over_time import alpha_for, persists
from calmops_flows.errors import SpecError
from calmops_flows.profiles import profile
from calmops_flows.records import DriftReport
from calmops_flows.spec import ColumnDriftSpec, DriftSpec, OverTimeSpec


def compare(before: dict[str, Any], after: dict[str, Any], **policy: Any) -> DriftReport:
    return check(profile(pa.table(before)), profile(pa.table(after)), DriftPolicy(**policy))


def sampled(before: dict[str, Any], after: dict[str, Any], **policy: Any) -> DriftReport:
    reference = profile(pa.table(before), key="before")
    return check(reference, profile(pa.table(after), key="after"), DriftPolicy(**policy))


def moved(n_moved: int, n_columns: int = 4) -> tuple[dict[str, Any], dict[str, Any]]:
    rng = np.random.default_rng([n_moved, n_columns])
    before = {f"x{i}": rng.normal(size=500) for i in range(n_columns)}
    return before, {f"x{i}": rng.normal(i < n_moved, 1, 500) for i in range(n_columns)}


def serial(rng: np.random.Generator, n: int, columns: int) -> pa.Table:
    x = rng.normal(size=(n, columns))
    for t in range(1, n):
        x[t] = 0.5 * x[t - 1] + np.sqrt(0.75) * x[t]
    return pa.table({f"x{i}": x[:, i].copy() for i in range(columns)})


@pytest.mark.parametrize(
    ("vote", "n_moved", "verdict"),
    [
        ("any", 1, True),
        ("majority", 2, False),
        ("majority", 3, True),
        ("share:0.5", 2, True),
        ("share:1", 3, False),
    ],
)
def test_votes_count_drifted_columns_among_the_tested(
    vote: str, n_moved: int, verdict: bool
) -> None:
    report = compare(*moved(n_moved), vote=vote)

    assert len(report.drifted) == n_moved
    assert report.is_drift is verdict


@pytest.mark.parametrize("vote", ["most", "share:0", "share:2", "share:.0"])
def test_unknown_votes_are_refused(vote: str) -> None:
    with pytest.raises(SpecError, match=r"drift\.vote must be any, majority or share:x"):
        DriftPolicy(vote=vote)


@pytest.mark.parametrize("field", ["multivariate", "dependence", "correction"])
def test_unknown_choices_are_refused(field: str) -> None:
    values: dict[str, Any] = {field: "maybe"}

    with pytest.raises(SpecError, match=rf"drift\.{field} must be one of .*, got 'maybe'"):
        DriftPolicy(**values)


def test_disabled_column_is_left_out_of_columns_and_joint_test() -> None:
    before, after = moved(1)

    report = sampled(before, after, columns={"x0": ColumnPolicy(enabled=False)})

    assert "x0" not in {column.name for column in report.columns}
    assert report.is_drift is False


def test_override_of_the_detector_keeps_the_missing_rate() -> None:
    before, after = {"x": [1.0, None] * 50}, {"x": [1.5, 2.0] * 50}

    report = compare(before, after, columns={"x": ColumnPolicy(detector="psi")})

    assert [column.detector for column in report.columns] == ["psi", "missing_rate"]


def test_override_of_the_floor_beats_the_policys() -> None:
    before, after = moved(2, 2)

    report = compare(before, after, min_effect=5.0, columns={"x1": ColumnPolicy(min_effect=0.1)})

    assert report.drifted == ("x1",)


def test_unknown_detector_of_a_column_is_refused() -> None:
    with pytest.raises(SpecError, match="must be some of"):
        DriftPolicy(columns={"x": ColumnPolicy(detector="nope")})


def test_spec_becomes_the_policy() -> None:
    spec = DriftSpec(
        alpha=0.04,
        detectors=("ks", "tvd"),
        vote="share:0.3",
        multivariate="off",
        dependence="block",
        columns={"x": ColumnDriftSpec(enabled=False)},
    )

    policy = DriftPolicy.from_spec(spec)

    assert policy == DriftPolicy(
        alpha=0.04,
        detectors=("ks", "tvd"),
        vote="share:0.3",
        multivariate="off",
        dependence="block",
        columns={"x": ColumnPolicy(enabled=False)},
    )


def test_budget_over_time_sets_alpha() -> None:
    spec = DriftSpec(over_time=OverTimeSpec(budget=1, per=100))

    assert DriftPolicy.from_spec(spec).alpha == pytest.approx(0.01)
    assert alpha_for(OverTimeSpec(budget=0.1, per=50, spending="family")) == pytest.approx(0.002)


def test_impossible_budgets_are_refused() -> None:
    with pytest.raises(SpecError, match="is a chance with spending family"):
        alpha_for(OverTimeSpec(budget=1, per=100, spending="family"))
    with pytest.raises(SpecError, match=r"must be below per \(3\)"):
        alpha_for(OverTimeSpec(budget=3, per=3))


@pytest.mark.parametrize(
    ("verdicts", "k", "n", "expected"),
    [
        ([True], 1, 1, True),
        ([True], 2, 3, False),
        ([True, False, True], 2, 3, True),
        ([True, True, False, False, True], 2, 3, False),
        ([True, None, None, True], 2, 2, True),
        ([True, True, None], 1, 3, None),
        ([], 1, 1, None),
    ],
)
def test_persistence_needs_k_of_the_last_n(
    verdicts: list[bool | None], k: int, n: int, expected: bool | None
) -> None:
    assert persists(verdicts, k=k, n=n) is expected


def test_persistence_needs_k_up_to_n() -> None:
    with pytest.raises(SpecError, match="1 <= k <= n"):
        persists([True], k=3, n=2)


def test_joint_test_takes_two_fifths_and_gives_back_what_it_cannot_use() -> None:
    rng = np.random.default_rng(8)
    before = {f"x{i}": rng.normal(size=400) for i in range(3)}
    after = {f"x{i}": rng.normal(size=400) for i in range(3)}

    alone, both = compare(before, after), sampled(before, after)

    assert alone.multivariate is not None
    assert alone.multivariate.reason == "the reference profile holds no sample of rows"
    assert both.multivariate is not None
    assert (both.multivariate.name, both.multivariate.is_drift) == ("*", False)
    for one, two in zip(alone.columns, both.columns, strict=True):
        assert one.adjusted_p_value is not None
        expected = min(1.0, one.adjusted_p_value / 0.6)
        assert two.adjusted_p_value == pytest.approx(expected) or one.adjusted_p_value == 1.0


def test_changed_correlation_is_drift_of_no_column() -> None:
    rng = np.random.default_rng(11)
    x, y = rng.normal(size=(2, 1_000))

    report = sampled({"x": x, "y": y}, {"x": x[::-1], "y": 0.8 * x[::-1] + 0.6 * y})

    assert report.is_drift is True
    assert report.drifted == ()
    assert report.multivariate is not None
    assert report.multivariate.is_drift is True


def test_off_leaves_the_joint_test_out() -> None:
    report = sampled(*moved(0), multivariate="off")

    assert report.multivariate is None


def test_serial_dependence_is_reported_and_corrected_on_demand() -> None:
    rng, runs, alarms = np.random.default_rng(13), 40, {"none": 0, "block": 0}

    for _ in range(runs):
        before, after = (profile(serial(rng, 1_000, 10)) for _ in range(2))
        for dependence in alarms:
            report = check(before, after, DriftPolicy(dependence=dependence))
            alarms[dependence] += report.is_drift is True
            (note,) = report.notes
            assert "consecutive rows are alike in 'x0', 'x1'" in note
            assert ("see dependence: block" in note) is (dependence == "none")

    assert alarms["none"] / runs > 0.2
    assert alarms["block"] / runs <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / runs)


def test_joint_test_is_untestable_on_dependent_rows() -> None:
    report = sampled(*moved(0), dependence="block")

    assert report.multivariate is not None
    assert report.multivariate.reason == "the joint test takes rows as independent"


def test_independent_rows_have_no_note_and_block_costs_them_little() -> None:
    before, after = moved(1)

    plain, block = compare(before, after), compare(before, after, dependence="block")

    assert plain.notes == ()
    assert plain.drifted == block.drifted == ("x0",)


def test_dependent_categories_count_for_fewer_rows() -> None:
    rng = np.random.default_rng(17)
    before = {"c": np.repeat(rng.choice(["a", "b"], 100, p=[0.5, 0.5]), 20).tolist()}
    after = {"c": np.repeat(rng.choice(["a", "b"], 100, p=[0.6, 0.4]), 20).tolist()}

    assert compare(before, after, dependence="none").is_drift is True
    assert compare(before, after, dependence="block").is_drift is False


@pytest.mark.parametrize("kind", ["nested", "mixed", "infinite", "null"])
def test_one_bad_column_never_spoils_the_report(kind: str) -> None:
    before, after = moved(1)
    bad: dict[str, Any] = {
        "nested": [{"a": 1}] * 500,
        "mixed": pa.array([[1]] * 500),
        "infinite": [float("inf"), float("-inf")] * 250,
        "null": pa.nulls(500),
    }

    report = sampled(before | {"bad": bad[kind]}, after | {"bad": bad[kind]})

    assert "x0" in report.drifted
    assert "bad" not in report.drifted
    if kind != "infinite":
        assert "bad" in report.untestable


def test_frames_without_common_columns_are_untestable() -> None:
    report = compare({"x": [1.0] * 20}, {"y": [1.0] * 20})

    assert report.is_drift is None
    assert set(report.untestable) == {"x", "y"}


def test_zero_rows_are_untestable() -> None:
    empty = pa.array([], pa.float64())

    report = sampled({"x": np.arange(50.0)}, {"x": empty})

    assert report.is_drift is None
    assert report.untestable["x"] == "no rows in the current data"
