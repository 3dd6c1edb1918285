"""Ensembles of IPIP: how many, on which rows, grown model by model, and which are kept."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn import config_context
from sklearn.base import clone

from calmops_flows.evaluation.confusion import balanced_accuracy, count, kappa, mcc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from calmops_flows.evaluation.confusion import Formula

    Floats = NDArray[np.float64]

METRICS: dict[str, Formula] = {
    "balanced_accuracy": balanced_accuracy,
    "kappa": kappa,
    "mcc": mcc,
}
_MISSED = math.log(0.01)  # a row is in no sample with probability 1 %
_LARGEST_SEED = 2**31 - 1
WITHIN = 0.75  # the authors' voting rule within an ensemble


@dataclass(frozen=True, slots=True)
class Size:
    """How many ensembles of how many models, each from how many minority rows.

    Parameters
    ----------
    p : int
        Partitions, one ensemble each.
    b : int
        Most models of an ensemble.
    n_drawn : int
        Minority rows of a partition.
    """

    p: int
    b: int
    n_drawn: int


def size_for(n_minority: int, minority_fraction: float) -> Size:
    """Compute the sizes for a number of minority rows.

    Parameters
    ----------
    n_minority : int
        Rows of the smaller class, at least 1.
    minority_fraction : float
        Share of them that a partition draws.

    Returns
    -------
    Size
        So large that each minority row is in some partition, and each row of a partition in
        some model, with probability 0.99.

    Examples
    --------
    >>> size_for(52, 0.75), size_for(8, 0.75), size_for(1, 0.75)
    (Size(p=7, b=5, n_drawn=39), Size(p=6, b=5, n_drawn=6), Size(p=1, b=1, n_drawn=1))
    """
    n_drawn = round(minority_fraction * n_minority)
    if n_minority <= 1 or n_drawn <= 1:
        return Size(1, 1, max(n_minority, 1))
    p = math.ceil(_MISSED / (math.log1p(-1 / n_minority) * n_drawn))
    b = math.ceil(_MISSED / (math.log1p(-1 / n_drawn) * n_drawn))
    return Size(p, b, n_drawn)


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Models that were grown on one partition.

    Parameters
    ----------
    models : tuple of classifier
        Fitted to tell the positive class (1) from the rest (0).
    flipped : bool
        Whether the positive class of the models is the rest here.
    """

    models: tuple[Any, ...]
    flipped: bool = False

    def share(self, X: NDArray[Any]) -> Floats:
        """Return the mean probability of the positive class, of shape (n,)."""
        mean = sum(positive_share(model, X) for model in self.models) / len(self.models)
        return np.asarray(1.0 - mean if self.flipped else mean, dtype=np.float64)

    def votes(self, X: NDArray[Any], *, for_rest: bool = False) -> NDArray[np.bool_]:
        """Tell where enough models see the positive class (or the rest), of shape (n,)."""
        seen = np.mean([positive_share(model, X) > 0.5 for model in self.models], axis=0)
        return np.asarray(1.0 - seen if self.flipped != for_rest else seen) >= WITHIN


@dataclass(frozen=True, slots=True)
class Partitions:
    """What all partitions of a block are drawn from.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
        Rows of the block.
    smaller, larger : ndarray of int
        Numbers of those that train, by class.
    is_positive_smaller : bool
        Which of the two is the positive class.
    X_grow : ndarray of shape (n_grow, n_features)
        Rows that decide whether a model stays.
    y_grow : ndarray of int of shape (n_grow,)
        1 where positive.
    """

    X: NDArray[Any]
    smaller: NDArray[np.intp]
    larger: NDArray[np.intp]
    is_positive_smaller: bool
    X_grow: NDArray[Any]
    y_grow: NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Growth:
    """How ensembles are grown.

    Parameters
    ----------
    estimator : classifier
        Unfitted.
    majority_share : float
        Share of majority rows in a partition.
    max_attempts : int or None
        Misses in a row that end the growth; None: a third of the models still wanted.
    metric : str
        Of `METRICS`.
    is_finite : bool
        Whether there is no missing value, which then need not be looked for again.
    """

    estimator: Any
    majority_share: float
    max_attempts: int | None
    metric: str
    is_finite: bool

    def attempts(self, n_missing: int) -> int:
        """Return the misses in a row that are allowed when so many models are missing."""
        return self.max_attempts or math.ceil(n_missing / 3)


def grow(
    growth: Growth, size: Size, drawn_from: Partitions, seed: np.random.SeedSequence
) -> Ensemble:
    """Draw a partition and grow an ensemble on it.

    Parameters
    ----------
    growth : Growth
        Estimator and rules.
    size : Size
        Of this block.
    drawn_from : Partitions
        Rows.
    seed : numpy.random.SeedSequence
        Of this partition alone.

    Returns
    -------
    Ensemble
        At least one and at most b models. The first stays; each other raised the metric on
        the growing rows. Where these lack a class nothing can rise.
    """
    rng = np.random.default_rng(seed)
    n_larger = round(size.n_drawn * growth.majority_share / (1 - growth.majority_share))
    smaller = rng.choice(drawn_from.smaller, size.n_drawn)
    larger = rng.choice(drawn_from.larger, max(n_larger, 1))
    sides = (larger, smaller) if drawn_from.is_positive_smaller else (smaller, larger)
    models = [_fit(growth, size, drawn_from.X, sides, rng, is_first=True)]
    if len(np.unique(drawn_from.y_grow)) < 2:
        return Ensemble(tuple(models))
    total = positive_share(models[0], drawn_from.X_grow)
    risen, misses = score(growth.metric, drawn_from.y_grow, total > 0.5), 0
    while risen < 1.0 and len(models) < size.b and misses < growth.attempts(size.b - len(models)):
        model = _fit(growth, size, drawn_from.X, sides, rng)
        share = positive_share(model, drawn_from.X_grow)
        said = (total + share) / (len(models) + 1) > 0.5
        found = score(growth.metric, drawn_from.y_grow, said)
        misses += 1
        if found > risen:
            models.append(model)
            total, risen, misses = total + share, found, 0
    return Ensemble(tuple(models))


def score(metric: str, truth: NDArray[np.intp], said: NDArray[Any], n_labels: int = 2) -> float:
    """Return a metric of predicted codes, NaN where it is undefined.

    Parameters
    ----------
    metric : str
        Of `METRICS`.
    truth, said : ndarray of int or bool of shape (n,)
        Codes of classes.
    n_labels : int, default 2
        Classes.

    Returns
    -------
    float
        At most 1.
    """
    return float(METRICS[metric](count(truth, said.astype(np.intp), n_labels)))


def best(scores: Sequence[float], n: int) -> list[int]:
    """Return the positions of the n best, rising; among equals the later, without scores the first.

    Examples
    --------
    >>> best([0.5, 0.9, 0.5], 2), best([math.nan] * 3, 2)
    ([1, 2], [0, 1])
    """
    places = range(len(scores))
    if any(math.isnan(value) for value in scores):
        return list(places[:n])
    return sorted(sorted(places, key=lambda place: (-scores[place], -place))[:n])


def positive_share(model: Any, X: NDArray[Any]) -> Floats:
    """Return the probability of class 1; sure where the model gives none."""
    if hasattr(model, "predict_proba"):
        return np.asarray(model.predict_proba(X)[:, 1], dtype=np.float64)
    return np.asarray(model.predict(X), dtype=np.float64)


def _fit(
    growth: Growth,
    size: Size,
    X: NDArray[Any],
    sides: tuple[NDArray[np.intp], NDArray[np.intp]],
    rng: np.random.Generator,
    *,
    is_first: bool = False,
) -> Any:
    """Fit one model on as many rows of the rest (0) as of the class (1), from the partition."""
    rows = np.concatenate([rng.choice(side, size.n_drawn) for side in sides])
    model = clone(growth.estimator)
    names = (name for name in model.get_params() if name.split("__")[-1] == "random_state")
    model.set_params(**{name: int(rng.integers(_LARGEST_SEED)) for name in sorted(names)})
    # What was checked once need not be checked for every tree again: a third of the time.
    with config_context(assume_finite=growth.is_finite, skip_parameter_validation=not is_first):
        return model.fit(X[rows], np.repeat([0, 1], size.n_drawn))
