"""Which models are tried for a snapshot, in which order, and on what terms each is judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from calmops_flows.evaluation.metrics import Task
    from calmops_flows.spec import PipelineSpec, PromotionSpec
    from calmops_flows.steps.run import SnapshotRun

# Modes that are judged in a metric of their own, by task; the spec's metric says nothing of them:
# a monotone recalibration moves probabilities, and no label need change.
JUDGED_BY: Mapping[str, Mapping[str, str]] = {"recalibration": {"classification": "log_loss"}}


@dataclass(frozen=True, slots=True)
class Recipe:
    """A retraining mode with its options.

    Parameters
    ----------
    mode : str
        Name of a retraining mode.
    options : mapping
        Fields of ``retrain`` that this recipe sets besides the mode.
    """

    mode: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def spec(self, spec: PipelineSpec) -> PipelineSpec:
        """Return the spec as if it declared this recipe alone."""
        retrain = spec.retrain.model_copy(update={"mode": self.mode, **self.options})
        return spec.model_copy(update={"retrain": retrain})


Rounds = tuple[tuple[Recipe, ...], ...]


def recipes(spec: PipelineSpec) -> Rounds:
    """Return the recipes to try, in rounds.

    Parameters
    ----------
    spec : PipelineSpec
        Declares mode and fallback.

    Returns
    -------
    tuple of tuple of Recipe
        The recipes of a round are judged together. The next round is tried only if all of the
        rounds before were rejected.

    Examples
    --------
    >>> from calmops_flows.spec import parse_spec
    >>> spec = parse_spec({"name": "p", "target": "y", "source": {"path": "/data"}, "model":
    ...     {"class": "sklearn.tree.DecisionTreeClassifier"}, "retrain": {"fallback": "window"}})
    >>> [[recipe.mode for recipe in tried] for tried in recipes(spec)]
    [['full'], ['window']]
    """
    first = (Recipe(spec.retrain.mode),)
    fallback = spec.retrain.fallback
    if fallback is None or fallback == spec.retrain.mode:
        return (first,)
    return first, (Recipe(fallback),)


def terms(promotion: PromotionSpec, recipe: Recipe, task: Task, *, n_tries: int) -> PromotionSpec:
    """Return the terms on which one of several recipes is judged.

    Parameters
    ----------
    promotion : PromotionSpec
        As declared.
    recipe : Recipe
        What is judged.
    task : {"classification", "regression"}
        What is predicted.
    n_tries : int
        Models that may be tried for this snapshot. They share the chance of a false promotion
        evenly (Bonferroni), so that it holds for all of them together.

    Returns
    -------
    PromotionSpec
        With the metric of the mode, where it has one, and the confidence of one try.
    """
    alpha = (1.0 - promotion.confidence) / n_tries
    own = JUDGED_BY.get(recipe.mode, {}).get(task)
    return promotion.model_copy(
        update={"confidence": 1.0 - alpha, "metric": own or promotion.metric}
    )


def run_of(run: SnapshotRun, recipe: Recipe, task: Task, *, n_tries: int) -> SnapshotRun:
    """Return the run as if its spec declared one recipe, on the terms of one of several."""
    spec = recipe.spec(run.spec)
    promotion = terms(spec.evaluation.promotion, recipe, task, n_tries=n_tries)
    evaluation = spec.evaluation.model_copy(update={"promotion": promotion})
    spec = spec.model_copy(update={"evaluation": evaluation})
    return replace(run, state=replace(run.state, spec=spec))
