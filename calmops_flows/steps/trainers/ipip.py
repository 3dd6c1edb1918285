"""Kind ``ipip``: test on every unit, then learn from it; the ensemble is updated, never rebuilt."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from calmops_flows.errors import ModelError, SpecError
from calmops_flows.learning.ipip import IPIPClassifier
from calmops_flows.learning.retraining.base import fit
from calmops_flows.records import Evaluation
from calmops_flows.spec import DriftSpec, EvaluationSpec, IpipSpec, RetrainSpec
from calmops_flows.steps.decide import Action, Opinion
from calmops_flows.steps.judge import Judgement
from calmops_flows.steps.learn import Learnt, Tried
from calmops_flows.steps.recipes import Recipe
from calmops_flows.steps.retrain import learn_all
from calmops_flows.steps.trainers.base import Trainer, check_block_column, has_one_class

if TYPE_CHECKING:
    from collections.abc import Mapping

    from calmops_flows.learning.retraining.base import Fitted, TrainingContext
    from calmops_flows.spec import PipelineSpec
    from calmops_flows.steps.decide import Plan
    from calmops_flows.steps.evaluate import Champion, Labels, Scored
    from calmops_flows.steps.ingest import Ingested
    from calmops_flows.steps.retrain import Fitter
    from calmops_flows.steps.run import SnapshotRun
    from calmops_flows.steps.runner import StepCalls

MODE = "ipip"
_IDLE = {"drift": DriftSpec(), "retrain": RetrainSpec(), "evaluation": EvaluationSpec()}


class IpipTrainer(Trainer):
    """Updates an ensemble of ensembles with every unit.

    There is no drift gate, no threshold and no promotion rule: what a unit is worth is
    decided by the ensemble's own validation share, and seen in its score on the next unit.
    """

    def check(self, spec: PipelineSpec) -> None:
        """Refuse parts that would have no effect, and regressions."""
        for part, idle in _IDLE.items():
            if getattr(spec, part) != idle:
                raise SpecError(
                    f"the part {part} has no effect for kind 'ipip', which learns from every unit "
                    "and keeps what its validation share shows to be best; leave it out"
                )
        if spec.model.search is not None:
            raise SpecError(
                "kind 'ipip' updates its models and never starts over, so model.search has nothing "
                "to search; leave it out"
            )
        if spec.task == "regression":
            raise SpecError("kind 'ipip' is for rare classes, but task is 'regression'")
        if spec.block is not None and spec.block.eval_blocks:
            raise SpecError("kind 'ipip' learns from every block; leave block.eval_blocks out")
        check_block_column(spec)

    def reference(
        self,
        run: SnapshotRun,  # noqa: ARG002
        champion: Champion | None,  # noqa: ARG002
    ) -> None:
        """Compare with nothing: every unit is learnt from, whether it drifted or not."""
        return

    def opinion(
        self,
        run: SnapshotRun,  # noqa: ARG002
        champion: Champion | None,
        labels: Labels,
    ) -> Opinion:
        """Learn from every unit that has two classes."""
        if labels.task != "classification":
            return Opinion(wants=False, reason="the target is a number, and ipip learns classes")
        if has_one_class(labels):
            kept = "the model is left as it is" if champion else "there is no model yet"
            return Opinion(wants=False, reason=f"the unit holds one class only, so {kept}")
        return Opinion(wants=True, reason="every unit is learnt from")

    def learn(
        self,
        run: SnapshotRun,
        calls: StepCalls,
        plan: Plan,
        ingested: Ingested,
        labels: Labels,
        champion: Champion | None,
        scored: Scored | None,  # noqa: ARG002 - no rule compares
    ) -> Learnt | None:
        """Update the champion, or fit the first one; the result serves."""
        if plan.action not in {Action.TRAIN, Action.RETRAIN}:
            return None
        before = champion.estimator if champion else None
        recipe = Recipe(MODE)
        try:
            challenger = calls("update", lambda: learn_all(run, ingested, labels, before))
        except (ModelError, SpecError) as err:
            return Learnt((Tried(recipe, failure=str(err)),), None, 1)
        judgement = _judgement(challenger.fitted, run, is_first=champion is None)
        return Learnt((Tried(recipe, challenger, judgement),), 0, 1)

    def fit(
        self,
        run: SnapshotRun,
        context: TrainingContext,
        fitter: Fitter,  # noqa: ARG002 - its parts are refused in the spec
    ) -> Fitted:
        """Fit the first ensemble, or update a copy of the champion through its own encoder."""
        if context.champion is None:
            model = context.build()
            declared = (run.spec.ipip or IpipSpec()).model_dump()
            ensemble = IPIPClassifier(model[-1], **declared, random_state=context.seed)
            model.steps[-1] = ("model", ensemble)
            fitted = fit(model, context, context.table, mode=MODE)
        else:
            model = copy.deepcopy(context.champion)
            model[-1].set_params(random_state=context.seed)
            update = fit(_Update(model), context, context.table, mode=MODE)
            fitted = replace(update, estimator=model, continues=True)
        notes = (*fitted.notes, *model[-1].notes_)
        return replace(fitted, details=_details(model[-1]), notes=notes)


class _Update:
    """Lets the guarded fit update a fitted model instead."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def fit(self, X: Any, y: Any) -> None:
        """Encode the rows as the model learnt to, and update its ensemble."""
        self.model[-1].update(self.model[:-1].transform(X), y)


def _details(ensemble: Any) -> Mapping[str, float]:
    """Return the adaptive quantities of an ensemble of ensembles."""
    sizes = list(ensemble.sizes_)
    score = ensemble.validation_score_
    return {
        "partitions": float(ensemble.p_),
        "models_at_most": float(ensemble.b_),
        "models": float(sum(sizes)),
        "smallest_ensemble": float(min(sizes, default=0)),
        "largest_ensemble": float(max(sizes, default=0)),
        "new_ensembles": float(ensemble.n_new_),
        "replacement_share": float(ensemble.replacement_share_),
        "updates": float(ensemble.n_updates_),
        **({} if score is None else {"validation_score": float(score)}),
    }


def _judgement(fitted: Fitted, run: SnapshotRun, *, is_first: bool) -> Judgement:
    """Say what was kept; nothing is refused, for the ensemble has chosen already."""
    found = fitted.details
    metric = (run.spec.ipip or IpipSpec()).metric
    new, p = found["new_ensembles"], found["partitions"]
    reason = "first model" if is_first else f"{new:.0f} of {p:.0f} ensembles are new"
    scores = Evaluation(0, {metric: found.get("validation_score")})
    return Judgement(accepted=True, reason=reason, rules=(), challenger=scores)
