"""Which models are tried for a snapshot, in which order, and on what terms each is judged."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from calmops_flows.evaluation.promotion import PROMOTION_RULES, resolved_rule
from calmops_flows.learning.serialise import describe_model
from calmops_flows.spec import CustomSpec

if TYPE_CHECKING:
    from calmops_flows.evaluation.metrics import Task
    from calmops_flows.spec import PipelineSpec, PromotionSpec, RetrainSpec
    from calmops_flows.steps.run import SnapshotRun

# Modes that are judged in a metric of their own, by task; the spec's metric says nothing of them:
# a monotone recalibration moves probabilities, and no label need change.
JUDGED_BY: Mapping[str, Mapping[str, str]] = {"recalibration": {"classification": "log_loss"}}


# Recipes of the user's own functions; they are no modes, and a spec cannot name them as such.
CUSTOM, CUSTOM_FALLBACK = "custom", "custom_fallback"

# Fields of ``retrain`` that change what a mode fits.
OPTIONS: Mapping[str, tuple[str, ...]] = {
    "auto": ("window_size",),
    CUSTOM: ("custom",),
    CUSTOM_FALLBACK: ("custom",),
    "full": ("scope",),
    "window": ("window_size",),
    "replay_mix": ("replay_fraction",),
}


@dataclass(frozen=True, slots=True)
class Recipe:
    """A retraining mode with its options.

    Parameters
    ----------
    mode : str
        Name of a retraining mode.
    options : mapping
        Fields of ``retrain`` that this recipe sets besides the mode.
    family : str or None
        Name of the policy that tries several recipes for one, such as ``auto``.
    is_change : bool
        It is no refresh of a model of its family, and must be shown to be better.
    """

    mode: str
    options: Mapping[str, Any] = field(default_factory=dict)
    family: str | None = None
    is_change: bool = False

    def described(self, spec: PipelineSpec) -> dict[str, Any]:
        """Say what makes a model one of this recipe, in plain JSON values."""
        mode, retrain = self.family or self.mode, self.spec(spec).retrain
        options = {name: getattr(retrain, name) for name in OPTIONS.get(mode, ())}
        if retrain.custom is not None and "custom" in options:
            # Another text of the function is another recipe.
            options["custom"] = {**retrain.custom.model_dump(), "code": dict(spec.code)}
        return {"mode": mode, **options, "model": describe_model(spec.model)}

    def spec(self, spec: PipelineSpec) -> PipelineSpec:
        """Return the spec as if it declared this recipe alone."""
        retrain = spec.retrain.model_copy(update={"mode": self.mode, **self.options})
        return spec.model_copy(update={"retrain": retrain})


def reach(retrain: RetrainSpec, n_new: int) -> float | None:
    """Return how many rows a mode learns from, over snapshots; None: from the new ones alone."""
    rows = {("window", retrain.scope): float(retrain.window_rows(n_new)), ("full", "all"): math.inf}
    return rows.get((retrain.mode, retrain.scope))


Rounds = tuple[tuple[Recipe, ...], ...]

# What is tried for a name that is no mode. A window in rows serves slow and fast streams alike
# (benchmarks/real_streams.py); the others wait for a snapshot on which it is turned away, for to
# try them every time doubles the fits and gains nothing.
POLICIES: Mapping[str, Rounds] = {
    "auto": (
        (Recipe("window", family="auto"),),
        (
            Recipe("full", {"scope": "new"}, family="auto", is_change=True),
            Recipe("full", {"scope": "all"}, family="auto", is_change=True),
        ),
    )
}


def recipes(spec: PipelineSpec, *, n_new: int = 0) -> Rounds:
    """Return the recipes to try, in rounds.

    Parameters
    ----------
    spec : PipelineSpec
        Declares mode and fallback.
    n_new : int, default 0
        New rows that teach. Where they are the whole window, a policy does not fit them twice.

    Returns
    -------
    tuple of tuple of Recipe
        The recipes of a round are judged together. The next round is tried only if all of the
        rounds before were rejected.

    Examples
    --------
    >>> from calmops_flows.spec import parse_spec
    >>> spec = parse_spec({"name": "p", "target": "y", "source": {"path": "/data"}, "model":
    ...     {"class": "sklearn.tree.DecisionTreeClassifier"},
    ...     "retrain": {"mode": "full", "fallback": "window"}})
    >>> [[recipe.mode for recipe in tried] for tried in recipes(spec)]
    [['full'], ['window']]
    """
    custom = spec.retrain.custom or CustomSpec()
    mode = CUSTOM if custom.train or custom.retrain else spec.retrain.mode
    rounds = POLICIES.get(mode, ((Recipe(mode),),))
    if mode in POLICIES and n_new == spec.retrain.window_rows(n_new):
        rounds = tuple(
            tuple(recipe for recipe in tried if recipe.options.get("scope") != "new")
            for tried in rounds
        )
    fallback = CUSTOM_FALLBACK if custom.fallback else spec.retrain.fallback
    if fallback is None or any(recipe.mode == fallback for tried in rounds for recipe in tried):
        return rounds
    return *rounds, (Recipe(fallback),)


def custom_function(spec: PipelineSpec, champion: Any) -> str | None:
    """Return the user's function that fits a recipe; None where a mode does.

    The functions for the first model and for challengers stand in for one another where only
    one is declared.
    """
    custom = spec.retrain.custom
    if custom is None or spec.retrain.mode not in (CUSTOM, CUSTOM_FALLBACK):
        return None
    if spec.retrain.mode == CUSTOM_FALLBACK:
        return custom.fallback
    first, later = custom.train or custom.retrain, custom.retrain or custom.train
    return first if champion is None else later


def terms(
    spec: PipelineSpec, recipe: Recipe, task: Task, *, n_tries: int, champion: Any = None
) -> PromotionSpec:
    """Return the terms on which one of several recipes is judged.

    Parameters
    ----------
    spec : PipelineSpec
        Declares the promotion rule.
    recipe : Recipe
        What is judged.
    task : {"classification", "regression"}
        What is predicted.
    n_tries : int
        Models that may be tried for this snapshot. Where the rule bounds the chance of a false
        promotion, they share it evenly (Bonferroni), so that it holds for all of them together.
    champion : mapping, optional
        The champion's recipe, as `Recipe.described` said it.

    Returns
    -------
    PromotionSpec
        With the rule that ``auto`` stands for, the metric of the mode where it has one, and the
        confidence of one try.
    """
    promotion = spec.evaluation.promotion
    is_refresh = not recipe.is_change and recipe.described(spec) == champion
    rule = resolved_rule(promotion, is_refresh=is_refresh)
    shared = n_tries if PROMOTION_RULES[rule].bounds_promotion else 1
    return promotion.model_copy(
        update={
            "rule": rule,
            "metric": JUDGED_BY.get(recipe.mode, {}).get(task) or promotion.metric,
            "confidence": 1.0 - (1.0 - promotion.confidence) / shared,
        }
    )


def run_of(
    run: SnapshotRun, recipe: Recipe, task: Task, *, n_tries: int, champion: Any = None
) -> SnapshotRun:
    """Return the run as if its spec declared one recipe, on the terms of one of several."""
    promotion = terms(run.spec, recipe, task, n_tries=n_tries, champion=champion)
    return _on_terms(run, recipe.spec(run.spec), promotion)


def run_of_rival(run: SnapshotRun, *, n_tries: int) -> SnapshotRun:
    """Return the run on the terms of one earlier version of several: it must be better."""
    promotion = run.spec.evaluation.promotion
    alpha = (1.0 - promotion.confidence) / n_tries
    terms_ = promotion.model_copy(update={"rule": "better", "confidence": 1.0 - alpha})
    return _on_terms(run, run.spec, terms_)


def _on_terms(run: SnapshotRun, spec: PipelineSpec, promotion: PromotionSpec) -> SnapshotRun:
    evaluation = spec.evaluation.model_copy(update={"promotion": promotion})
    spec = spec.model_copy(update={"evaluation": evaluation})
    return replace(run, state=replace(run.state, spec=spec))
