"""Carry a plan out: fit, judge, refit; a fit that fails is a finding, not a crash."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from calmops_flows.errors import ModelError, SpecError
from calmops_flows.steps.decide import Action, Plan
from calmops_flows.steps.evaluate import Champion, Labels, Scored
from calmops_flows.steps.importance import measure_importance
from calmops_flows.steps.ingest import Ingested
from calmops_flows.steps.judge import Judgement, judge_challenger
from calmops_flows.steps.recipes import Recipe, recipes, run_of
from calmops_flows.steps.retrain import Challenger, Refitted, refit, retrain
from calmops_flows.steps.run import SnapshotRun
from calmops_flows.steps.runner import StepCalls


@dataclass(frozen=True, slots=True)
class Tried:
    """One recipe that was tried: a judged challenger, or the reason why there is none."""

    recipe: Recipe
    challenger: Challenger | None = None
    judgement: Judgement | None = None
    refitted: Refitted | None = None
    failure: str | None = None
    importance: Mapping[str, Any] | None = None

    @property
    def is_accepted(self) -> bool:
        """Whether it may take over."""
        return self.failure is None and self.judgement is not None and self.judgement.accepted

    @property
    def gain(self) -> float:
        """Its difference to the champion; the least of all numbers where there is none."""
        found = self.judgement.comparison if self.judgement else None
        return float("-inf") if found is None or found.difference is None else found.difference


@dataclass(frozen=True, slots=True)
class Learnt:
    """What training brought: all that was tried, in order.

    ``chosen`` is the place of the one that takes over, None if none does. ``n_tries`` counts all
    recipes that could have been tried: they share the chance of a false promotion.
    """

    tried: tuple[Tried, ...]
    chosen: int | None
    n_tries: int

    @property
    def is_accepted(self) -> bool:
        """Whether a challenger takes over."""
        return self.chosen is not None

    @property
    def shown(self) -> Tried:
        """The one to speak of: that which takes over, else the best of the judged."""
        if self.chosen is not None:
            return self.tried[self.chosen]
        judged = [tried for tried in self.tried if tried.judgement is not None]
        return max(judged or self.tried, key=lambda tried: tried.gain)


@dataclass(frozen=True, slots=True)
class _Case:
    """What all recipes of a snapshot are tried on."""

    calls: StepCalls
    ingested: Ingested
    labels: Labels
    champion: Champion | None
    scored: Scored | None


def learn(
    run: SnapshotRun,
    calls: StepCalls,
    plan: Plan,
    ingested: Ingested,
    labels: Labels,
    champion: Champion | None,
    scored: Scored | None,
) -> Learnt | None:
    """Train if the plan says so: round by round, until a recipe is accepted.

    Returns
    -------
    Learnt or None
        None when the plan was not to train.
    """
    if plan.action not in {Action.TRAIN, Action.RETRAIN}:
        return None
    case = _Case(calls, ingested, labels, champion, scored)
    rounds = recipes(run.spec)
    n_tries = sum(len(together) for together in rounds)
    tried: list[Tried] = []
    for together in rounds:
        start = len(tried)
        tried += [_try(_run_of(run, case, recipe, n_tries), case, recipe) for recipe in together]
        accepted = [i for i in range(start, len(tried)) if tried[i].is_accepted]
        if accepted:
            chosen = max(accepted, key=lambda i: tried[i].gain)
            best = tried[chosen]
            tried[chosen] = _finish(_run_of(run, case, best.recipe, n_tries), case, best)
            if tried[chosen].is_accepted:
                return Learnt(tuple(tried), chosen, n_tries)
    return Learnt(tuple(tried), None, n_tries)


def _run_of(run: SnapshotRun, case: _Case, recipe: Recipe, n_tries: int) -> SnapshotRun:
    old = case.champion.manifest.get("recipe") if case.champion else None
    return run_of(run, recipe, case.labels.task, n_tries=n_tries, champion=old)


def _try(run: SnapshotRun, case: _Case, recipe: Recipe) -> Tried:
    """Fit and judge one recipe; the run already follows it."""
    estimator = case.champion.estimator if case.champion else None
    pair = (case.champion, case.scored) if case.champion and case.scored else None
    challenger = None
    try:
        challenger = fitted = case.calls(
            "retrain", lambda: retrain(run, case.ingested, case.labels, estimator)
        )
        judgement = case.calls(
            "compare", lambda: judge_challenger(run, case.ingested, case.labels, fitted, pair)
        )
    except (ModelError, SpecError) as err:
        return Tried(recipe, challenger, failure=str(err))
    return Tried(recipe, challenger, judgement)


def _finish(run: SnapshotRun, case: _Case, tried: Tried) -> Tried:
    """Measure an accepted challenger, and fit it once more on all rows."""
    challenger = tried.challenger
    if challenger is None:
        raise AssertionError("an accepted recipe has a challenger")
    estimator = case.champion.estimator if case.champion else None
    try:
        importance = case.calls(
            "importance", lambda: measure_importance(run, case.ingested, case.labels, challenger)
        )
        tried = replace(tried, importance=importance)
        if not run.spec.evaluation.refit:
            return tried
        refitted = case.calls("refit", lambda: refit(run, case.ingested, case.labels, estimator))
    except (ModelError, SpecError) as err:
        return replace(tried, failure=str(err))
    return replace(tried, refitted=refitted)
