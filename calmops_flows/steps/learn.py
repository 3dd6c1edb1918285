"""Carry a plan out: fit, judge, refit; a fit that fails is a finding, not a crash."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from calmops_flows.errors import DigestMismatchError, ModelError, SpecError
from calmops_flows.steps.allowance import within
from calmops_flows.steps.decide import Action, Plan
from calmops_flows.steps.evaluate import Champion, Labels, Scored
from calmops_flows.steps.importance import measure_importance
from calmops_flows.steps.ingest import Ingested
from calmops_flows.steps.judge import Judgement, judge_challenger, judge_rival
from calmops_flows.steps.models import read_model
from calmops_flows.steps.recipes import Recipe, Rounds, recipes, run_of, run_of_rival
from calmops_flows.steps.retrain import Challenger, Refitted, parts, refit, retrain
from calmops_flows.steps.rivals import Rival, find_rivals
from calmops_flows.steps.run import SnapshotRun
from calmops_flows.steps.runner import StepCalls

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Tried:
    """One model that was tried: a recipe that was fitted, or an earlier version (``rival``)."""

    recipe: Recipe | None = None
    challenger: Challenger | None = None
    judgement: Judgement | None = None
    refitted: Refitted | None = None
    failure: str | None = None
    importance: Mapping[str, Any] | None = None
    rival: Rival | None = None

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
    """What training and looking back brought: all that was tried, in order.

    ``chosen`` is the place of the one that takes over, None if none does. ``n_tries`` counts all
    that could have been tried: they share the chance of a false promotion.
    """

    tried: tuple[Tried, ...]
    chosen: int | None
    n_tries: int

    @property
    def is_accepted(self) -> bool:
        """Whether another model takes over."""
        return self.chosen is not None

    @property
    def fits(self) -> tuple[Tried, ...]:
        """The recipes among all that was tried."""
        return tuple(tried for tried in self.tried if tried.recipe is not None)

    @property
    def shown(self) -> Tried:
        """The one to speak of: that which takes over, else the best of the judged recipes."""
        if self.chosen is not None:
            return self.tried[self.chosen]
        pool = self.fits or self.tried
        judged = [tried for tried in pool if tried.judgement is not None]
        return max(judged or pool, key=lambda tried: tried.gain)


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
    """Train if the plan says so, and look back at earlier versions where there is cause.

    Recipes are tried round by round until one is accepted; earlier versions are judged with the
    first round. Of all that are accepted in a round, the one with the greatest gain takes over.

    Returns
    -------
    Learnt or None
        None when nothing was tried.
    """
    is_training = plan.action in {Action.TRAIN, Action.RETRAIN}
    rivals = find_rivals(run, plan, champion, labels)
    if not is_training and not rivals:
        return None
    case = _Case(calls, ingested, labels, champion, scored)
    rounds: Rounds = ()
    if is_training:
        n_new = len(parts(run, labels)[0])
        rounds = within(recipes(run.spec, n_new=n_new), plan.n_fits)
    n_tries = len(rivals) + sum(len(together) for together in rounds)
    tried = _look_back(run_of_rival(run, n_tries=n_tries), case, rivals, is_training=is_training)
    start = 0
    for together in rounds or ((),):
        tried += [_try(_run_of(run, case, recipe, n_tries), case, recipe) for recipe in together]
        chosen = _best(run, case, tried, start, n_tries)
        if chosen is not None:
            return Learnt(tuple(tried), chosen, n_tries)
        start = len(tried)
    return Learnt(tuple(tried), None, n_tries)


def _best(
    run: SnapshotRun, case: _Case, tried: list[Tried], start: int, n_tries: int
) -> int | None:
    """Choose the best of the accepted, from ``start`` on, and finish it if it was fitted now."""
    accepted = [i for i in range(start, len(tried)) if tried[i].is_accepted]
    if not accepted:
        return None
    chosen = max(accepted, key=lambda i: tried[i].gain)
    recipe = tried[chosen].recipe
    if recipe is not None:
        tried[chosen] = _finish(_run_of(run, case, recipe, n_tries), case, tried[chosen])
    return chosen if tried[chosen].is_accepted else None


def _look_back(
    run: SnapshotRun, case: _Case, rivals: tuple[Rival, ...], *, is_training: bool
) -> list[Tried]:
    """Judge earlier versions, on the rows that judge the challengers where there are any."""
    scored = case.scored
    if not rivals or scored is None:
        return []
    positions = parts(run, case.labels)[1] if is_training else np.arange(len(case.labels.rows))

    def judge_all() -> list[Tried]:
        return [_judge_rival(run, case, rival, scored, positions) for rival in rivals]

    return case.calls("look_back", judge_all)


def _judge_rival(
    run: SnapshotRun, case: _Case, rival: Rival, scored: Scored, positions: NDArray[np.int64]
) -> Tried:
    try:
        estimator = read_model(run.store.artifacts, rival.artifact)
        found = judge_rival(run, case.ingested, case.labels, estimator, scored, positions)
    except (ModelError, DigestMismatchError) as err:
        return Tried(rival=rival, failure=str(err))
    return Tried(rival=rival, judgement=found)


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
