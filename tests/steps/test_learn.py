from __future__ import annotations

import pytest

from calmops_flows.errors import ModelError
from calmops_flows.learning.retraining import RETRAINERS
from calmops_flows.learning.retraining.base import Fitted, TrainingContext
from calmops_flows.read import explain
from calmops_flows.records import Decision
from calmops_flows.spec import PipelineSpec, parse_spec
from calmops_flows.steps import learn
from calmops_flows.steps.recipes import Recipe, Rounds, terms
from calmops_flows.store import registry
from tests.steps.conftest import Stream, rows


def backwards(context: TrainingContext) -> Fitted:
    """Learn the opposite of what the rows say."""
    fitted = RETRAINERS["full"](context)
    fitted.estimator.steps[-1][1].coef_ *= -1
    fitted.estimator.steps[-1][1].intercept_ *= -1
    return fitted


def broken(context: TrainingContext) -> Fitted:
    raise ModelError(f"cannot learn {context.task}")


def plan_rounds(monkeypatch: pytest.MonkeyPatch, *rounds: tuple[str, ...]) -> None:
    """Let snapshots after the first be learnt in these rounds of modes."""
    monkeypatch.setitem(RETRAINERS, "backwards", backwards)
    monkeypatch.setitem(RETRAINERS, "broken", broken)
    planned: Rounds = tuple(tuple(map(Recipe, together)) for together in rounds)

    def recipes(spec: PipelineSpec, *, n_new: int) -> Rounds:
        return planned if spec.retrain.when == "always" else ((Recipe("full"),),)

    monkeypatch.setattr(learn, "recipes", recipes)


def second_decision(stream: Stream, *, sign: int) -> Decision:
    """Train on one concept, then decide about a snapshot with the same or the opposite one."""
    stream.declare(evaluation={"refit": False})  # else its judged version would be tried too
    stream.drop("1.csv", rows(1))
    stream.drain()
    promotion = {"rule": "better"}
    stream.declare(retrain={"when": "always"}, evaluation={"promotion": promotion})
    stream.drop("2.csv", rows(2, sign=sign))
    stream.drain()
    found = explain(stream.store, "stream").decision
    assert found is not None
    return found


def test_best_of_a_round_takes_over_and_the_others_stay_candidates(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan_rounds(monkeypatch, ("backwards", "full"))

    found = second_decision(stream, sign=-1)

    assert [(t.mode, t.version, t.is_chosen) for t in found.attempts] == [
        ("backwards", 2, False),
        ("full", 3, True),
    ]
    versions = registry.versions(stream.store.database, "stream")
    assert [v.status for v in versions] == ["retired", "candidate", "champion"]
    assert stream.history()[-1].challenger == 3


def test_fallback_is_tried_only_after_a_rejection(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan_rounds(monkeypatch, ("full",), ("backwards",))

    found = second_decision(stream, sign=-1)

    assert [t.mode for t in found.attempts] == ["full"]


def test_accepted_fallback_takes_over(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    plan_rounds(monkeypatch, ("backwards",), ("full",))

    found = second_decision(stream, sign=-1)

    assert found.kind == "promoted"
    assert [(t.mode, t.is_chosen) for t in found.attempts] == [("backwards", False), ("full", True)]


def test_all_that_could_be_tried_share_one_error_budget(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan_rounds(monkeypatch, ("full", "full", "full"), ("backwards",))

    found = second_decision(stream, sign=-1)

    assert found.error_budget is not None
    assert (found.error_budget.n_tries, round(found.error_budget.alpha, 9)) == (4, 0.05)
    assert {t.comparison.confidence for t in found.attempts if t.comparison} == {1 - 0.05 / 4}


def test_failed_fit_does_not_hide_a_good_one(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan_rounds(monkeypatch, ("broken", "full"))

    found = second_decision(stream, sign=-1)

    assert found.kind == "promoted"
    assert (found.attempts[0].version, found.attempts[0].reason) == (
        None,
        "retrain_failed: cannot learn classification",
    )


def test_rejected_attempts_are_all_kept_and_the_best_is_named(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan_rounds(monkeypatch, ("backwards",), ("full",))

    found = second_decision(stream, sign=1)

    assert found.kind == "rejected"
    assert [(t.version, t.is_accepted) for t in found.attempts] == [(2, False), (3, False)]
    assert stream.history()[-1].challenger == 3


def test_recalibration_is_judged_by_a_proper_score_unless_the_task_is_regression() -> None:
    spec = parse_spec(
        {
            "name": "p",
            "target": "y",
            "source": {"path": "/data"},
            "model": {"class": "sklearn.linear_model.LogisticRegression"},
        }
    )
    recipe = Recipe("recalibration")

    assert terms(spec, recipe, "classification", n_tries=1).metric == "log_loss"
    assert terms(spec, recipe, "regression", n_tries=1).metric is None
