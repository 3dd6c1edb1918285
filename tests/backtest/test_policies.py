from __future__ import annotations

import pytest

from calmops_flows.backtest.policies import policies, policy, usual_policies
from calmops_flows.errors import SpecError
from calmops_flows.settings import Settings
from calmops_flows.spec import PipelineSpec, parse_spec


@pytest.fixture
def spec() -> PipelineSpec:
    return parse_spec(
        {
            "name": "p",
            "target": "y",
            "source": {"path": "data"},
            "model": {"class": "sklearn.linear_model.LogisticRegression"},
            "retrain": {"when": "always"},
        }
    )


def test_current_is_the_spec_itself(spec: PipelineSpec) -> None:
    assert policy("current", spec).spec == spec


def test_parts_are_joined(spec: PipelineSpec) -> None:
    found = policy("every:4+full+evaluation.holdout=0.3", spec).spec

    assert (found.retrain.when, found.retrain.mode, found.evaluation.holdout) == (
        "every:4",
        "full",
        0.3,
    )


@pytest.mark.parametrize("text", ["sometimes", "every:0", "always+weekly", ""])
def test_unknown_part_is_named(spec: PipelineSpec, text: str) -> None:
    with pytest.raises(SpecError, match="a policy is made of current, never"):
        policy(text, spec)


def test_static_policy_is_always_there_and_each_once(spec: PipelineSpec) -> None:
    found = policies(["always", "every:2", " always"], spec, Settings())

    assert [wanted.name for wanted in found] == ["never", "always", "every:2"]


def test_policy_that_cannot_run_is_refused(spec: PipelineSpec) -> None:
    with pytest.raises(SpecError, match="nonsense"):
        policies(["evaluation.promotion.metric=nonsense"], spec, Settings())


def test_usual_policies_mean_different_things(spec: PipelineSpec) -> None:
    found, left_out = usual_policies(spec, Settings())

    names = [wanted.name for wanted in found]
    assert names[:4] == ["current", "never", "every:2", "drift"]  # current retrains always
    assert "incremental" in left_out  # this model has no partial_fit
    assert not {"current", "never", "full"} & set(left_out)
