from __future__ import annotations

import pytest

from calmops_flows.errors import SpecError
from calmops_flows.spec import PipelineSpec, parse_spec
from calmops_flows.steps.changes import changed, differences, historical_assignments


@pytest.fixture
def spec() -> PipelineSpec:
    return parse_spec(
        {
            "name": "sales",
            "target": "y",
            "source": {"path": "data", "settle_seconds": 5},
            "model": {"class": "sklearn.linear_model.LogisticRegression", "params": {"C": 2}},
        }
    )


@pytest.mark.parametrize(
    ("assignment", "key", "after"),
    [
        ("retrain.when=every:3", "retrain.when", "every:3"),
        ("model.params.C=0.5", "model.params.C", 0.5),
        ("evaluation.thresholds.f1=0.7", "evaluation.thresholds.f1", 0.7),
        ("source.settle_seconds=null", "source.settle_seconds", 2.0),
        ("drift.over_time={budget: 2}", "drift.over_time.budget", 2.0),
        ("triggers.file_arrival=no", "triggers.file_arrival", False),
    ],
)
def test_value_is_typed_and_only_its_field_changes(
    spec: PipelineSpec, assignment: str, key: str, after: object
) -> None:
    found = differences(spec, changed(spec, [assignment]))

    assert (key, after) in {(change.key, change.after) for change in found}
    assert all(change.key.startswith(key.rpartition(".")[0]) for change in found)


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("retrain.when", "expected key=value"),
        ("=3", "expected key=value"),
        ("name=other", "name cannot change"),
        ("retrain.mood=full", "retrain.mood"),
        ("retrain.when.often=1", "retrain.when"),
        ("drift.alpha=high", "drift.alpha"),
        ("retrain.mode=foo", "retrain.mode: .* .full., .* or .auto., got .foo.;"),
        ("drift.alpha=[", "expected a YAML value"),
        ("target=null", "target is needed"),
    ],
)
def test_wrong_assignment_is_refused_by_name(
    spec: PipelineSpec, assignment: str, message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        changed(spec, [assignment])


def test_flags_of_the_historical_command_become_assignments() -> None:
    flags = ["--retrain_mode", "2", "--port", "8502", "--window-size=500", "random_state=4"]

    found, left = historical_assignments(flags)

    assert found == ["retrain.mode=2", "retrain.window_size=500", "random_state=4"]
    assert left.keys() == {"--port"}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--schedule", "3600"], "give triggers.schedule.cron="),
        (["--colour", "red"], "unknown flag --colour"),
        (["--retrain_mode"], "needs a value"),
    ],
)
def test_flag_without_counterpart_says_what_to_do(flags: list[str], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        historical_assignments(flags)
