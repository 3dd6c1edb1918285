"""Survival times follow the stated hazards; outcomes follow their formulas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from calmops_flows.errors import SpecError
from calmops_flows.generators.clinic import Clinical
from tests.generators.clinic.conftest import drawn

N = 10_000
HAZARDS: dict[str, tuple[dict[str, Any], Any]] = {
    "exponential": ({"rate": 0.3}, lambda t: 0.3 * t),
    "weibull": ({"rate": 0.1, "shape": 1.7}, lambda t: 0.1 * t**1.7),
    "gompertz": ({"rate": 0.1, "shape": 0.5}, lambda t: 0.2 * np.expm1(0.5 * t)),
}
ENTRY = {"times": [0.0], "accrual": 2.0}


def kaplan_meier(
    time: NDArray[np.float64], event: NDArray[np.int64], at: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the share that survives, by Kaplan and Meier (1958)."""
    order = np.argsort(time)
    at_risk = len(time) - np.arange(len(time))
    curve = np.cumprod(1.0 - event[order] / at_risk)
    steps = np.searchsorted(time[order], at, side="right")
    return np.asarray(np.concatenate([[1.0], curve])[steps])


def seen(made: Clinical, group: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    rows = made.patients[made.patients["group"] == group]
    return rows["survival_time"].to_numpy(), rows["event"].to_numpy()


@pytest.mark.parametrize("kind", sorted(HAZARDS))
def test_times_follow_the_hazard_under_censoring(kind: str) -> None:
    params, cumulative = HAZARDS[kind]
    made = drawn(
        N,
        visits=ENTRY,
        survival={"kind": kind, "log_hazard": "log(2) * (group == 'case')"} | params,
        dropout={"lost": {"rate": 0.15}},
        end=6.0,
    )

    at = np.array([0.5, 1.0, 2.0, 3.0, 4.0])
    for group, ratio in (("control", 1.0), ("case", 2.0)):
        found = kaplan_meier(*seen(made, group), at)
        assert np.abs(found - np.exp(-ratio * cumulative(at))).max() < 0.03


def test_censoring_is_told() -> None:
    made = drawn(N, visits=ENTRY, survival={"rate": 0.2}, dropout={"lost": {"rate": 0.1}}, end=5.0)

    truth, patients = made.truth["patients"], made.patients
    event = truth["end_reason"] == "event"
    assert (patients["event"] == event).all()
    assert (patients["survival_time"] == truth["end_time"]).all()
    assert (truth["event_time"][event] == truth["end_time"][event]).all()
    assert (truth["event_time"][~event] > truth["end_time"][~event]).all()
    at_end = truth["end_reason"] == "end"
    assert np.allclose(truth["end_time"][at_end] + truth["entry"][at_end], 5.0)
    # Of the patients who leave before the end, a third does so by being lost.
    assert abs((truth["end_reason"] == "lost").sum() / (~at_end).sum() - 1 / 3) < 0.02


def test_visits_stop_at_the_event_unless_told_otherwise() -> None:
    visits = {"times": [0.0, 2.0]}

    stops = drawn(4_000, visits=visits, survival={"rate": 0.5})
    goes_on = drawn(4_000, visits=visits, survival={"rate": 0.5, "ends_visits": False})

    assert abs(len(stops.periods[1].rows) / 4_000 - np.exp(-1.0)) < 0.03
    assert len(goes_on.periods[1].rows) == 4_000


def test_hazard_can_follow_a_gene() -> None:
    layer = {"kind": "proteins", "n_features": 5, "noise": 0.0, "mean_sd": 0.0, "mean": 20.0}

    made = drawn(
        4_000, layers={"ms": layer}, survival={"rate": 0.2, "log_hazard": "2 * (ms_3 > 20)"}
    )

    high = made.frame().set_index("patient")["ms_3"].loc[made.patients["patient"]] > 20
    times = made.patients["survival_time"].to_numpy()
    ratio = times[~high.to_numpy()].mean() / times[high.to_numpy()].mean()
    assert abs(np.log(ratio) - 2.0) < 0.1


def test_outcome_has_its_prevalence_and_the_auc_of_its_formula() -> None:
    cohort = {"variables": {"age": {"kind": "normal", "mean": 60, "sd": 10}}}
    outcome = {"formula": "0.15 * (age - 60)", "prevalence": 0.2}

    made = drawn(20_000, cohort=cohort, outcomes={"ill": outcome})

    rows = made.frame()
    assert abs(rows["ill"].mean() - 0.2) < 0.01
    # By integration: AUC of the score s ~ N(0, 1.5) with P(y = 1) = expit(a + s), mean 0.2.
    score = np.linspace(-9, 9, 4_001)
    weight = np.exp(-0.5 * (score / 1.5) ** 2)
    a = min(
        np.linspace(-4, 0, 4_001),
        key=lambda a: abs((weight / (1 + np.exp(-a - score))).sum() / weight.sum() - 0.2),
    )
    p = 1 / (1 + np.exp(-a - score))
    ones, zeros = weight * p / (weight * p).sum(), weight * (1 - p) / (weight * (1 - p)).sum()
    expected = (ones * (np.cumsum(zeros) - zeros / 2)).sum()
    assert abs(roc_auc_score(rows["ill"], rows["age"]) - expected) < 0.012


def test_outcomes_are_numbers_probabilities_or_logits() -> None:
    cohort = {"variables": {"x": {"kind": "uniform", "low": 0.0, "high": 1.0}}}
    outcomes = {
        "number": {"kind": "number", "formula": "3 * x", "noise": 0.5},
        "drawn": {"kind": "probability", "formula": "x"},
        "later": {"kind": "logit", "formula": "100 * (drawn - 0.5)"},
    }

    rows = drawn(N, cohort=cohort, outcomes=outcomes).frame()

    assert abs((rows["number"] - 3 * rows["x"]).std() - 0.5) < 0.02
    assert abs(rows["drawn"][rows["x"] > 0.9].mean() - 0.95) < 0.02
    assert (rows["later"] == rows["drawn"]).all()


def test_outcome_of_a_patient_does_not_change() -> None:
    made = drawn(
        300,
        visits={"times": [0.0, 1.0, 2.0]},
        outcomes={"once": {"formula": "0", "per": "patient"}, "each": {"formula": "0"}},
    )

    different = made.frame().groupby("patient")[["once", "each"]].nunique()
    assert (different["once"] == 1).all()
    assert (different["each"] == 2).mean() > 0.5


def test_outcomes_see_what_is_true_not_what_a_batch_measures() -> None:
    made = drawn(
        200,
        measures={"crp": {"formula": "0.0"}},
        batches={"lab": {"shares": {"a": 1.0}, "offset": {"a": 50.0}}},
        outcomes={"twice": {"kind": "number", "formula": "2 * crp"}},
    )

    rows, true = made.frame(), made.truth["visits"]["crp_true"]
    assert np.allclose(rows["twice"], 2 * true)
    assert np.allclose(rows["crp"] - true, 50.0 * true.std(ddof=0))


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"survival": {"kind": "weibul", "rate": 1}}, "'exponential', 'weibull' or 'gompertz'"),
        ({"survival": {"kind": "weibull", "rate": 1}}, "shape belongs to weibull and gompertz"),
        ({"survival": {"rate": -1}}, "greater than 0"),
        ({"survival": {"rate": 1, "log_hazard": "agee"}}, "survival: .* names 'agee'"),
        ({"survival": {"rate": 1, "log_hazard": "1000"}}, "not finite"),
        ({"outcomes": {"y": {"formula": "rna_1"}}}, "outcome 'y': .* names 'rna_1'; it can name"),
        ({"outcomes": {"y": {"formula": "__import__('os')"}}}, "names '__import__'"),
        ({"outcomes": {"y": {"formula": "time.real"}}}, "holds Attribute"),
        ({"outcomes": {"y": {"formula": "2", "kind": "probability"}}}, "between 0 and 1"),
        ({"outcomes": {"y": {"formula": "2", "kind": "number", "prevalence": 0.1}}}, "belongs to"),
        ({"end": -1.0}, "greater than 0"),
    ],
)
def test_wrong_outcomes_are_refused(parts: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        drawn(20, **parts)
