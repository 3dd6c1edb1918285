"""Every kind of injected drift can happen at one visit, and the truth names the cells."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from calmops_flows.generators.injection import INJECTORS
from tests.generators.clinic.conftest import drawn

STEPS: dict[str, dict[str, Any]] = {
    "concept_flip": {"target": "ill", "where": "crp > 5"},
    "correlation": {"columns": ["age", "crp"], "matrix": [[1.0, 0.8], [0.8, 1.0]]},
    "covariate_shift": {"column": "age", "magnitude": 2.0},
    "duplicates": {"magnitude": 0.3},
    "freeze": {"columns": ["crp"]},
    "label_noise": {"target": "ill", "magnitude": 0.4},
    "label_shift": {"target": "ill", "value": 1, "share": 0.9},
    "missing": {"columns": ["crp", "sex"], "magnitude": 0.4, "mechanism": "mar", "by": "age"},
    "new_category": {"column": "sex", "magnitude": 0.4},
    "noise": {"columns": ["crp"], "magnitude": 1.0},
    "outliers": {"columns": ["crp"], "magnitude": 0.2},
    "quantile_map": {"columns": ["crp"], "quantiles": [0.0, 1.0, 9.0]},
    "replace_category": {"column": "sex", "old": "male", "new": "female", "magnitude": 0.5},
    "rule_change": {"target": "ill", "rule": "age > 60"},
    "scale": {"columns": ["crp"], "magnitude": 1.0},
    "schema_change": {"action": "drop", "column": "crp"},
    "shift": {"columns": ["rna_1"], "magnitude": 1.0},
    "unit_change": {"columns": ["crp"], "factor": 10.0},
    "vanished_category": {"column": "sex", "value": "male"},
}
PARTS: dict[str, Any] = {
    "cohort": {
        "variables": {
            "age": {"kind": "normal", "mean": 60, "sd": 10},
            "sex": {"kind": "choice", "options": {"female": 0.5, "male": 0.5}},
        }
    },
    "visits": {"times": [0.0, 1.0, 2.0]},
    "measures": {"crp": {"formula": "5.0"}},
    "layers": {"rna": {"kind": "rna_seq", "n_features": 3}},
    "outcomes": {"ill": {"formula": "crp - 5"}},
}


def test_every_injector_is_tried() -> None:
    assert set(STEPS) == set(INJECTORS)


@pytest.mark.parametrize("kind", sorted(STEPS))
def test_drift_of_every_kind_stays_at_its_visit_and_is_told(kind: str) -> None:
    drift = [{"step": {"kind": kind, **STEPS[kind]}, "periods": [2]}]

    before, made = drawn(120, **PARTS), drawn(120, drift=drift, **PARTS)

    for other in (0, 2):
        pd.testing.assert_frame_equal(before.periods[other].rows, made.periods[other].rows)
    told = made.truth["cells"]
    assert set(told["kind"]) == {kind}
    old, new = before.periods[1].rows, made.periods[1].rows
    if kind == "schema_change":
        assert told["column"].tolist() == ["crp"]
        assert "crp" not in new
    elif kind == "duplicates":
        assert len(new) == len(old) + len(told)
    else:
        differs = (old != new) & ~(old.isna() & new.isna())
        cells = {
            (patient, column) for column in old for patient in old.loc[differs[column], "patient"]
        }
        assert set(zip(told["patient"], told["column"], strict=True)) == cells
        assert set(told["visit"]) == {2}


def test_more_parts_change_no_values_of_the_others() -> None:
    more = {
        "measures": {"bmi": {"formula": "25.0"}} | PARTS["measures"],
        "outcomes": {"falls": {"formula": "0"}} | PARTS["outcomes"],
        "batches": {"lab": {"shares": {"a": 0.5, "b": 0.5}}},
        "survival": {"rate": 0.1, "ends_visits": False},
    }

    few, many = drawn(60, **PARTS).frame(), drawn(60, **PARTS | more).frame()

    pd.testing.assert_frame_equal(few, many[few.columns])
