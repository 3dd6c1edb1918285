"""Absolute bounds on metrics."""

from __future__ import annotations

import pytest

from calmops_flows.errors import SpecError
from calmops_flows.evaluation import check_thresholds
from calmops_flows.records import Evaluation

SCORES = Evaluation(
    50, {"accuracy": 0.9, "log_loss": 0.4, "roc_auc": None, "f1": 0.5}, {"roc_auc": "one class"}
)


@pytest.mark.parametrize(
    ("name", "bound", "passed"),
    [
        ("accuracy", 0.9, True),
        ("accuracy", 0.91, False),
        ("log_loss", 0.4, True),
        ("log_loss", 0.39, False),
        ("roc_auc", 0.5, None),
        ("mcc", 0.5, None),
        ("f1_binary", 0.6, False),
    ],
)
def test_scores_hold_at_least_and_losses_at_most(
    name: str, bound: float, *, passed: bool | None
) -> None:
    (rule,) = check_thresholds(SCORES, {name: bound})

    assert rule.passed is passed
    assert rule.threshold == bound
    assert rule.name == f"threshold:{name}"


def test_untestable_bound_says_why() -> None:
    unmeasured, undefined = check_thresholds(SCORES, {"mcc": 0.5, "roc_auc": 0.5})

    assert unmeasured.note == "untestable: was not computed"
    assert undefined.note == "untestable: one class"


def test_unknown_metric_in_a_bound_is_an_error() -> None:
    with pytest.raises(SpecError, match="'gini'"):
        check_thresholds(SCORES, {"gini": 0.5})
