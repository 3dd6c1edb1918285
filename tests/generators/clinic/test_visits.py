"""Visits, measures, changes of group and losses keep the rates and variances declared."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from calmops_flows.errors import SpecError
from tests.generators.clinic.conftest import drawn

TIMES = [0.0, 0.5, 1.0, 2.0, 3.0]
BMI = {
    "formula": "20 + 2.0 * time + 3.0 * (group == 'case')",
    "intercept_sd": 3.0,
    "slope_sd": 1.0,
    "correlation": -0.4,
    "noise": 0.5,
}


def test_variances_of_random_effects_are_recovered() -> None:
    made = drawn(3_000, visits={"times": TIMES}, measures={"bmi": BMI})

    # A line through each patient's own visits: its variance is that of the random effects and
    # that of least squares with the known noise.
    rows = made.frame().sort_values(["patient", "visit"])
    design = np.column_stack([np.ones(5), TIMES])
    lines = rows["bmi"].to_numpy().reshape(-1, 5) @ np.linalg.pinv(design).T
    case = (rows["group"].to_numpy().reshape(-1, 5)[:, 0] == "case").astype(float)
    lines[:, 0] -= 3.0 * case
    cov = np.cov(lines, rowvar=False) - 0.25 * np.linalg.inv(design.T @ design)
    assert np.allclose(lines.mean(axis=0), [20.0, 2.0], atol=0.2)
    assert abs(np.sqrt(cov[0, 0]) - 3.0) < 0.12
    assert abs(np.sqrt(cov[1, 1]) - 1.0) < 0.05
    assert abs(cov[0, 1] / np.sqrt(cov[0, 0] * cov[1, 1]) + 0.4) < 0.05


def test_truth_tells_random_effects() -> None:
    made = drawn(50, visits={"times": TIMES}, measures={"bmi": BMI | {"noise": 0.0}})

    rows = made.frame().merge(made.truth["patients"], on=["patient", "group"])
    rows = rows.merge(made.truth["visits"][["patient", "visit", "time"]], on=["patient", "visit"])
    fixed = 20 + 2.0 * rows["time"] + 3.0 * (rows["group"] == "case")
    assert np.allclose(
        rows["bmi"], fixed + rows["bmi_intercept"] + rows["bmi_slope"] * rows["time"]
    )


def test_irregular_visits_keep_order_and_mean_gap() -> None:
    made = drawn(4_000, visits={"times": TIMES, "irregularity": 0.5})

    times = made.truth["visits"].pivot(index="patient", columns="visit", values="time")
    gaps = times.diff(axis=1).to_numpy()[:, 1:]
    assert (gaps > 0).all()
    assert np.allclose(gaps.mean(axis=0), np.diff(TIMES), rtol=0.03)
    assert np.allclose(gaps.std(axis=0) / gaps.mean(axis=0), 0.5, rtol=0.06)


def test_missed_visits_leave_gaps_but_never_the_first() -> None:
    made = drawn(4_000, visits={"times": TIMES, "missed": 0.2})

    sizes = [len(period.rows) for period in made.periods]
    assert sizes[0] == 4_000
    assert np.allclose(np.array(sizes[1:]) / 4_000, 0.8, atol=0.025)


def test_patients_leave_at_their_rate_and_for_the_told_reason() -> None:
    dropout = {
        "moved": {"rate": 0.1},
        "side_effects": {"rate": 0.1, "log_hazard": "log(3) * (group == 'case')"},
    }
    made = drawn(8_000, visits={"times": TIMES}, dropout=dropout)

    # Of a control patient, both reasons together: exp(-0.2 t) stay; of a case exp(-0.4 t).
    rows, n_case = made.frame(), (made.patients["group"] == "case").sum()
    left = rows.groupby(["group", "visit"]).size()
    for visit, time in enumerate(TIMES, start=1):
        assert abs(left["case", visit] / n_case - np.exp(-0.4 * time)) < 0.025
        assert abs(left["control", visit] / (8_000 - n_case) - np.exp(-0.2 * time)) < 0.025
    reasons = made.truth["patients"].groupby("group")["end_reason"].value_counts(normalize=True)
    assert abs(reasons["case", "side_effects"] - 0.75) < 0.02
    assert abs(reasons["control", "moved"] - 0.5) < 0.02


def test_nobody_is_seen_after_the_told_end() -> None:
    made = drawn(500, visits={"times": TIMES}, dropout={"moved": {"rate": 0.5}})

    told = made.truth["patients"].set_index("patient")
    visits = made.truth["visits"]
    assert (visits["time"] <= visits["patient"].map(told["end_time"])).all()
    counted = made.frame().groupby("patient").size()
    assert (counted == told.loc[counted.index, "n_visits"]).all()


def test_groups_change_at_their_rates() -> None:
    made = drawn(
        10_000,
        cohort={"groups": {"healthy": 1.0, "mild": 0.0, "severe": 0.0}},
        transitions={"healthy": {"mild": 0.3, "severe": 0.1}, "mild": {"severe": 1.0}},
        visits={"times": [0.0, 2.0]},
    )

    seen = made.periods[1].rows["group"].value_counts(normalize=True)
    # Kolmogorov's forward equation by hand: mild(t) = 0.3 / (1 - 0.4) (exp(-0.4 t) - exp(-t)).
    healthy, mild = np.exp(-0.8), 0.5 * (np.exp(-0.8) - np.exp(-2.0))
    assert abs(seen["healthy"] - healthy) < 0.015
    assert abs(seen["mild"] - mild) < 0.015
    assert abs(seen["severe"] - (1.0 - healthy - mild)) < 0.015


def test_changes_of_group_are_told_and_start_the_progression() -> None:
    made = drawn(
        400,
        transitions={"control": {"case": 0.5}},
        visits={"times": TIMES},
        measures={"crp": {"formula": "0.0", "noise": 0.0}},
    )

    changes, visits = made.truth["changes"], made.truth["visits"]
    assert set(zip(changes["from"], changes["to"], strict=True)) == {("control", "case")}
    onset = visits["patient"].map(changes.set_index("patient")["time"])
    changed = visits[visits["time"] >= onset]
    assert (changed["group"] == "case").all()
    assert np.allclose(changed["years_in_group"], changed["time"] - onset.dropna()[changed.index])


def test_dates_follow_entry_and_time() -> None:
    made = drawn(300, visits={"times": [0.0, 1.0], "start": "2023-03-01", "accrual": 0.5})

    first, second = (period.rows.set_index("patient")["date"] for period in made.periods)
    assert first.min() >= pd.Timestamp("2023-03-01")
    assert first.max() <= pd.Timestamp("2023-03-01") + pd.Timedelta(days=183)
    assert ((second - first).dt.total_seconds() / 86_400 - 365.25).abs().max() < 0.001


def test_a_measure_can_follow_another() -> None:
    measures = {"a": {"formula": "10.0"}, "b": {"formula": "2 * a", "noise": 0.0}}

    rows = drawn(30, measures=measures).frame()

    assert np.allclose(rows["b"], 2 * rows["a"])


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"visits": {"times": [1.0, 2.0]}}, "must ascend from 0"),
        ({"visits": {"times": [0.0, 2.0, 2.0]}}, "must ascend from 0"),
        ({"visits": {"start": "soon"}}, "start is no date"),
        ({"visits": {"time": [0.0]}}, "valid parameters: accrual, irregularity, missed"),
        ({"transitions": {"ill": {"case": 1.0}}}, "no group 'ill'; valid: control, case"),
        ({"transitions": {"case": {"control": -1.0}}}, "from 0 to 365"),
        ({"measures": {"a": {"formula": "b"}, "b": {"formula": "0"}}}, "measure 'a': .* names 'b'"),
        ({"measures": {"a": {"formula": "log(time)"}}}, "not finite"),
        ({"measures": {"a": {"formula": "0", "noise": -1}}}, "greater than or equal to 0"),
        ({"dropout": {"event": {"rate": 0.1}}}, "'event' has a meaning of its own"),
        ({"dropout": {"moved": {"rate": -0.1}}}, "greater than or equal to 0"),
    ],
)
def test_wrong_visits_are_refused(parts: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        drawn(20, **parts)
