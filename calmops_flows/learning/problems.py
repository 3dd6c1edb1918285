"""One-vs-rest problems of IPIP: what each has learnt, and what a block adds to it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.parallel import Parallel, delayed

from calmops_flows.learning.ensembles import (
    Ensemble,
    Growth,
    Partitions,
    Size,
    best,
    grow,
    score,
    size_for,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from calmops_flows.learning.roles import Roles

    Floats = NDArray[np.float64]

OVER = 0.5  # the authors' voting rule over partitions
_NONE = Size(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Problem:
    """One class against the rest, and the ensembles that tell them apart.

    Parameters
    ----------
    positive : object
        The class; with two classes the second one.
    ensembles : tuple of Ensemble
        Those that are kept, older ones first.
    scores : tuple of float
        Metric of each on the pruning rows; NaN where these lack a class.
    size : Size
        Of the block that it learnt from last.
    n_new : int
        Ensembles of the last block among the kept.
    is_rare : bool
        Whether the class was the smaller side when it was first learnt.
    """

    positive: Any
    ensembles: tuple[Ensemble, ...] = ()
    scores: tuple[float, ...] = ()
    size: Size = _NONE
    n_new: int = 0
    is_rare: bool = True

    def share(self, X: NDArray[Any]) -> Floats:
        """Return the mean probability of the class over the ensembles, of shape (n,)."""
        mean: Floats = np.mean([ensemble.share(X) for ensemble in self.ensembles], axis=0)
        return mean

    def elected(self, X: NDArray[Any]) -> Floats:
        """Return the share of ensembles for the class if it is elected, else 0, of shape (n,).

        The quorum of models is asked for the rarer side; the other one has what is left.
        """
        votes = [ensemble.votes(X, for_rest=not self.is_rare) for ensemble in self.ensembles]
        rare: Floats = np.mean(votes, axis=0)
        if self.is_rare:
            return np.where(rare >= OVER, rare, 0.0)
        return np.where(rare >= OVER, 0.0, 1.0 - rare)


@dataclass(frozen=True, slots=True)
class Lesson:
    """A block of at least two classes.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
        Rows.
    y : ndarray of shape (n,)
        Labels.
    roles : Roles
        What each row is for.
    """

    X: NDArray[Any]
    y: NDArray[Any]
    roles: Roles

    def partitions(self, positive: Any) -> Partitions | None:
        """Return what partitions are drawn from; None where there is nothing to tell apart."""
        is_positive = self.y == positive
        train = self.roles.train
        sides = train[is_positive[train]], train[~is_positive[train]]
        if not all(len(side) for side in sides):
            return None
        is_smaller = len(sides[0]) <= len(sides[1])
        smaller, larger = sides if is_smaller else sides[::-1]
        grow_rows = self.roles.grow
        truth = is_positive[grow_rows].astype(np.intp)
        return Partitions(self.X, smaller, larger, is_smaller, self.X[grow_rows], truth)


def probabilities(problems: Sequence[Problem], X: NDArray[Any]) -> Floats:
    """Return the mean probability of each class, of shape (n, n_classes); rows sum to 1."""
    shares = np.column_stack([problem.share(X) for problem in problems])
    if shares.shape[1] == 1:
        return np.hstack([1.0 - shares, shares])
    total = shares.sum(axis=1, keepdims=True)
    return np.where(total > 0, shares / np.where(total > 0, total, 1.0), 1.0 / shares.shape[1])


def elected(problems: Sequence[Problem], X: NDArray[Any]) -> Floats:
    """Return how the ensembles voted, of shape (n, n_classes); the largest one wins.

    With more than two classes the more probable one wins where as many ensembles, or none, vote.
    """
    votes = np.column_stack([problem.elected(X) for problem in problems])
    if votes.shape[1] == 1:
        return np.hstack([votes == 0, votes > 0]).astype(np.float64)
    n_ensembles = sum(len(problem.ensembles) for problem in problems)
    return votes * 2 * n_ensembles**2 + probabilities(problems, X)


def problems_for(
    classes: NDArray[Any], before: NDArray[Any] | None, problems: Sequence[Problem]
) -> tuple[Problem, ...]:
    """Return one problem per class (one alone for two classes), with what was learnt before.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        Labels seen by now, sorted.
    before : ndarray or None
        Labels seen before.
    problems : sequence of Problem
        Those of before.

    Returns
    -------
    tuple of Problem
        In the order of the classes. What told two classes apart tells each of them from the
        rest until something better is learnt.
    """
    known = {problem.positive: problem for problem in problems}
    if before is not None and len(before) == 2 < len(classes):
        (second,) = problems
        flipped = tuple(replace(one, flipped=not one.flipped) for one in second.ensembles)
        first = before[0]
        known[first] = replace(
            second, positive=first, ensembles=flipped, is_rare=not second.is_rare
        )
    wanted = classes[1:] if len(classes) == 2 else classes
    return tuple(known.get(label, Problem(label)) for label in wanted)


def learn(
    problems: Sequence[Problem],
    lesson: Lesson,
    growth: Growth,
    seed: np.random.SeedSequence,
    *,
    minority_fraction: float,
    n_jobs: int | None,
) -> tuple[Problem, ...]:
    """Grow new ensembles for each problem, and keep the best of old and new.

    Parameters
    ----------
    problems : sequence of Problem
        As they are.
    lesson : Lesson
        The new block.
    growth : Growth
        Estimator and rules.
    seed : numpy.random.SeedSequence
        Source of all choices.
    minority_fraction : float
        Share of the minority rows that a partition draws.
    n_jobs : int or None
        Processes.

    Returns
    -------
    tuple of Problem
        As they are now; one whose class is not in the block, or fills it, stays as it was.
    """
    jobs, owners, sizes = [], [], {}
    for place, (problem, its_seed) in enumerate(
        zip(problems, seed.spawn(len(problems)), strict=True)
    ):
        partitions = lesson.partitions(problem.positive)
        if partitions is None:
            continue
        size = sizes[place] = size_for(len(partitions.smaller), minority_fraction)
        jobs += [delayed(grow)(growth, size, partitions, one) for one in its_seed.spawn(size.p)]
        owners += [place] * size.p
    grown = Parallel(n_jobs=n_jobs)(jobs)
    result = []
    for place, problem in enumerate(problems):
        if place not in sizes:
            result.append(replace(problem, n_new=0))
            continue
        new = [one for owner, one in zip(owners, grown, strict=True) if owner == place]
        result.append(_kept(problem, new, sizes[place], lesson, growth.metric))
    return tuple(result)


def _kept(
    problem: Problem, new: Sequence[Ensemble], size: Size, lesson: Lesson, metric: str
) -> Problem:
    """Keep the best of old and new; where nothing can compare them, the old and then the new.

    A block with too few minority rows for more than one partition does not shrink the model.
    """
    pool = [*problem.ensembles, *new]
    wanted = size.p if size.p > 1 else max(1, len(problem.ensembles))
    prune = lesson.roles.prune
    truth = (lesson.y[prune] == problem.positive).astype(np.intp)
    scores = [math.nan] * len(pool)
    if len(np.unique(truth)) == 2:
        X = lesson.X[prune]
        scores = [score(metric, truth, one.share(X) > 0.5) for one in pool]
    places = best(scores, wanted)
    n_old = len(problem.ensembles)
    return Problem(
        problem.positive,
        tuple(pool[place] for place in places),
        tuple(scores[place] for place in places),
        size,
        sum(place >= n_old for place in places),
        problem.is_rare if n_old else _is_rare(problem.positive, lesson),
    )


def _is_rare(positive: Any, lesson: Lesson) -> bool:
    return bool(2 * np.count_nonzero(lesson.y == positive) <= len(lesson.y))
