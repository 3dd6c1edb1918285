"""Effects of the disease are recovered from the data, where the truth says that they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from calmops_flows.errors import SpecError
from calmops_flows.generators.clinic import EFFECTS, Clinical
from tests.generators.clinic.conftest import drawn

N = 6_000
ON_CRP = {"acts_on": "crp", "groups": ["case"]}
EXAMPLES: dict[str, dict[str, Any]] = {
    "fold_change": {"fold": 2.0},
    "polynomial": {"coefficients": [1.0, 0.5]},
    "power": {"exponent": 1.5},
    "shift": {"size": 1.0},
    "sigmoid": {"height": 1.0},
    "subgroup": {"share": 0.5, "effect": {"kind": "shift", "size": 1.0}},
    "variance": {"ratio": 4.0},
}


def pair(effect: dict[str, Any], **more: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw the same patients without and with an effect."""
    parts: dict[str, Any] = {
        "measures": {"crp": {"formula": "2.0", "noise": 0.5, "scale": "log"}},
        "cohort": {"variables": {"age": {"kind": "normal", "mean": 50, "sd": 10}}},
    }
    without = drawn(N, **parts).frame()
    effects = [ON_CRP | more | {"effect": effect}]
    return without, drawn(N, effects=effects, **parts).frame()


def test_every_effect_has_an_example() -> None:
    assert set(EXAMPLES) == set(EFFECTS)


@pytest.mark.parametrize("kind", sorted(EFFECTS))
def test_effect_changes_its_group_only(kind: str) -> None:
    without, with_it = pair({"kind": kind} | EXAMPLES[kind])

    changed = without["crp"] != with_it["crp"]
    share = 0.5 if kind == "subgroup" else 1.0
    assert not changed[with_it["group"] == "control"].any()
    assert abs(changed[with_it["group"] == "case"].mean() - share) < 0.03


def test_shift_moves_by_standard_deviations() -> None:
    without, with_it = pair({"kind": "shift", "size": 0.7}, direction="down")

    moved = (with_it["crp"] - without["crp"])[with_it["group"] == "case"]
    assert np.allclose(moved, -0.7 * without["crp"].std(ddof=0))


def test_fold_change_multiplies() -> None:
    without, with_it = pair({"kind": "fold_change", "fold": 3.0}, direction="down")

    ratio = (with_it["crp"] / without["crp"])[with_it["group"] == "case"]
    assert np.allclose(ratio, 1.0 / 3.0)


def test_variance_grows_and_the_mean_stays() -> None:
    without, with_it = pair({"kind": "variance", "ratio": 4.0})

    case = with_it["group"] == "case"
    assert abs(with_it["crp"][case].var() / without["crp"][case].var() - 4.0) < 1e-9
    assert abs(with_it["crp"][case].mean() - without["crp"][case].mean()) < 0.3


def test_power_is_a_line_on_the_logarithms() -> None:
    without, with_it = pair({"kind": "power", "exponent": 1.5})

    case = with_it["group"] == "case"
    slope = np.polyfit(np.log(without["crp"][case]), np.log(with_it["crp"][case]), 1)[0]
    assert abs(slope - 1.5) < 1e-9


def test_polynomial_of_another_variable_is_recovered() -> None:
    effect = {"kind": "polynomial", "coefficients": [0.2, 0.5, -0.3], "by": "age"}
    without, with_it = pair(effect)

    case = with_it["group"] == "case"
    age = (with_it["age"] - with_it["age"].mean()) / with_it["age"].std(ddof=0)
    added = (with_it["crp"] - without["crp"])[case] / without["crp"].std(ddof=0)
    assert np.allclose(np.polyfit(age[case], added, 2), [-0.3, 0.5, 0.2])


def test_sigmoid_has_half_its_height_at_the_midpoint_and_saturates() -> None:
    effect = {"kind": "sigmoid", "height": 2.0, "midpoint": 0.5, "steepness": 8.0, "by": "age"}
    without, with_it = pair(effect)

    case = with_it["group"] == "case"
    age = ((with_it["age"] - with_it["age"].mean()) / with_it["age"].std(ddof=0))[case]
    added = ((with_it["crp"] - without["crp"]) / without["crp"].std(ddof=0))[case]
    assert added[age > 1.5].min() > 1.99
    assert added[age < -0.5].max() < 0.01
    assert abs(added[(age - 0.5).abs() < 0.05].mean() - 1.0) < 0.1


def test_subgroup_is_hidden_and_told() -> None:
    effect = {"kind": "subgroup", "share": 0.4, "where": "age > 50"} | {
        "effect": {"kind": "shift", "size": 3.0}
    }
    made = drawn(
        N,
        cohort={"variables": {"age": {"kind": "normal", "mean": 50, "sd": 10}}},
        measures={"crp": {"formula": "0.0"}},
        effects=[ON_CRP | {"effect": effect}],
    )

    rows = made.frame().merge(made.truth["patients"].drop(columns="group"), on="patient")
    inside = rows["in_subgroup_of_effect_1"] == 1
    assert abs(inside[rows["age"] > 50].mean() - 0.4) < 0.03
    assert not inside[rows["age"] <= 50].any()
    strong = inside & (rows["group"] == "case")
    assert abs(rows["crp"][strong].mean() - 3.0) < 0.15
    assert abs(rows["crp"][~strong].mean()) < 0.05


def genes(effect: dict[str, Any], **layer: Any) -> Clinical:
    base = {"kind": "rna_seq", "n_features": 300, "library_size": 1e7, "library_sd": 0.0}
    return drawn(1_500, layers={"rna": base | layer}, effects=[effect])


def test_fold_changes_of_counts_are_recovered() -> None:
    effect = {"kind": "fold_change", "fold": 2.0}
    made = genes(
        {
            "acts_on": "rna",
            "groups": ["case"],
            "effect": effect,
            "n_features": 40,
            "direction": "both",
        }
    )

    rows = made.frame()
    counts = rows.filter(like="rna_")
    ratio = counts[rows["group"] == "case"].mean() / counts[rows["group"] == "control"].mean()
    log_ratio = ratio.map(np.log2)
    told = made.truth["effects"].set_index("feature")["sign"]
    expected = told.reindex(log_ratio.index).fillna(0)
    assert set(told.value_counts().index) == {-1, 1}
    assert len(told) == 40
    assert np.abs(log_ratio - expected).max() < 0.25
    assert np.abs((log_ratio - expected).mean()) < 0.01


def test_effect_can_be_on_one_module() -> None:
    effect = {"kind": "shift", "size": 1.0}
    made = genes(
        {"acts_on": "rna", "groups": ["case"], "effect": effect, "module": 2},
        modules=[{"size": 10, "correlation": 0.5}, {"size": 20, "correlation": 0.5}],
    )

    told = made.truth["effects"]["feature"].tolist()

    assert told == [f"rna_{number}" for number in range(11, 31)]


def test_progression_grows_with_the_years() -> None:
    made = drawn(
        200,
        visits={"times": [0.0, 1.0, 2.0, 4.0]},
        measures={"crp": {"formula": "0.0", "noise": 0.01}},
        effects=[
            ON_CRP
            | {"effect": {"kind": "shift", "size": 100.0}}
            | {"progression": {"years": 2.0, "start": 0.2}}
        ],
    )

    rows = made.frame()
    case = rows[rows["group"] == "case"].groupby("visit")["crp"].mean()
    assert np.allclose(case / case.max(), [0.2, 0.6, 1.0, 1.0], atol=0.01)


@pytest.mark.parametrize(
    ("effect", "message"),
    [
        ({"effect": {"kind": "shft"}}, "'fold_change', 'polynomial', 'power', 'shift', 'sigmoid'"),
        ({"effect": {"kind": "shift", "sise": 1.0}}, "valid parameters: kind, size"),
        ({"effect": {"kind": "variance", "ratio": 2}, "direction": "down"}, "has no direction"),
        (
            {"acts_on": "rna", "effect": {"kind": "shift", "size": 1}},
            "no layer or measure 'rna'; valid: c",
        ),
        ({"groups": ["ill"], "effect": {"kind": "shift", "size": 1}}, "no group 'ill'; valid: con"),
        ({"n_features": 3, "effect": {"kind": "shift", "size": 1}}, "is a measure"),
        (
            {"effect": {"kind": "sigmoid", "height": 1, "by": "agee"}},
            "no such numeric column; valid: .*time",
        ),
        ({"effect": {"kind": "subgroup", "effect": {"kind": "shift", "size": 1}}}, "needs share"),
        ({"effect": {"kind": "power", "exponent": 2.0}}, "needs positive values"),
    ],
)
def test_wrong_effect_is_refused(effect: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        drawn(50, measures={"crp": {"formula": "0.0"}}, effects=[ON_CRP | effect])


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"n_features": 301}, "n_features is 301, and there are 300"),
        ({"module": 1}, "no module 1"),
        ({"features": ["rna_0"]}, "no feature 'rna_0'; they are rna_1 to rna_300"),
        ({"features": ["rna_1"], "n_features": 2}, "not both"),
    ],
)
def test_features_that_are_not_there_are_refused(choice: dict[str, Any], message: str) -> None:
    effect = {"acts_on": "rna", "groups": ["case"], "effect": {"kind": "shift", "size": 1.0}}

    with pytest.raises(SpecError, match=message):
        genes(effect | choice)
