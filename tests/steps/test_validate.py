from __future__ import annotations

from typing import Any

import pytest

from calmops_flows.errors import SpecError
from calmops_flows.settings import Settings
from calmops_flows.spec import parse_spec
from calmops_flows.steps.validate import validate
from tests.steps.conftest import Stream, rows

MODEL = {"class": "sklearn.linear_model.LogisticRegression"}


def check(**more: Any) -> None:
    values = {"name": "s", "target": "y", "source": {"path": "/data"}, "model": MODEL, **more}
    validate(parse_spec(values), Settings())


DEFAULTS: dict[str, dict[str, Any]] = {
    "stream": {},
    "block": {"kind": "block", "block": {"column": "site"}},
    "ipip": {"kind": "ipip", "task": "classification"},
    "no probabilities": {"model": {"class": "sklearn.svm.LinearSVC"}},
    "regression": {"model": {"class": "sklearn.linear_model.Ridge"}, "task": "regression"},
    "prediction only": {"prediction_only": True, "target": None},
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_every_kind_and_model_takes_the_default_mode(name: str) -> None:
    values = {"name": "s", "target": "y", "source": {"path": "/data"}, "model": MODEL}

    found = parse_spec({**values, **DEFAULTS[name]})

    validate(found, Settings())
    assert found.retrain.mode == "auto"


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "unknown metric": ({"evaluation": {"thresholds": {"acuracy": 0.9}}}, "acuracy"),
    "metric of the other task": (
        {"task": "regression", "evaluation": {"thresholds": {"accuracy": 0.9}}},
        "accuracy.*classification",
    ),
    "metrics of both tasks": (
        {"evaluation": {"thresholds": {"accuracy": 0.9, "rmse": 1.0}}},
        "mix metrics",
    ),
    "unknown read option": ({"source": {"path": "/x", "read_options": {"sep": ","}}}, "sep"),
    "class that is not there": ({"model": {"class": "sklearn.linear_model.Nothing"}}, "Nothing"),
    "incremental mode of a model without partial_fit": (
        {"retrain": {"mode": "incremental"}},
        r"retrain.mode 'incremental' needs a model with partial_fit\(\)",
    ),
    "recalibration of a model without probabilities": (
        {"model": {"class": "sklearn.svm.LinearSVC"}, "retrain": {"mode": "recalibration"}},
        r"needs a model with predict_proba\(\)",
    ),
    "search of a parameter that is not there": (
        {"model": {**MODEL, "search": {"params": {"CC": [1, 2]}}}},
        "has no parameter 'CC'",
    ),
    "search without values": (
        {"model": {**MODEL, "search": {"params": {"C": []}}}},
        "expected values to try, got none",
    ),
    "search without end": (
        {"model": {**MODEL, "search": {"params": {"C": [1, 2] * 101}}}},
        "202 candidates, at most 200",
    ),
    "search by a metric that is not there": (
        {"model": {**MODEL, "search": {"params": {"C": [1]}, "scoring": "beauty"}}},
        "metric must be one of",
    ),
    "class of another package": ({"model": {"class": "os.system"}}, "CALMOPS_TRUSTED_MODULES"),
    "function": ({"model": {"class": "sklearn.datasets.load_iris"}}, "must name a class"),
    "parameter that is not there": (
        {"model": {"class": "sklearn.linear_model.Ridge", "params": {"alfa": 1}}},
        "alfa",
    ),
    "model of the other task": (
        {"task": "regression", "model": MODEL},
        "LogisticRegression",
    ),
    "text target of a regression": (
        {
            "task": "regression",
            "model": {"class": "sklearn.linear_model.Ridge"},
            "contract": {"y": "string"},
        },
        "numeric target",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_could_not_run_is_refused_when_it_is_applied(case: str) -> None:
    values, said = WRONG[case]

    with pytest.raises(SpecError, match=said):
        check(**values)


def test_task_that_turns_out_wrong_on_the_data_is_a_failed_fit(stream: Stream) -> None:
    stream.declare(model={"class": "sklearn.linear_model.Ridge"})
    stream.drop("1.csv", rows(1))

    (outcome,) = stream.drain().outcomes

    assert outcome.decision == "kept"
    assert outcome.reason is not None
    assert "retrain_failed" in outcome.reason
