"""The metrics by name, and the evaluation of one model on one set of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from calmops_flows.errors import SpecError, UntestableError
from calmops_flows.evaluation import confusion, rowwise
from calmops_flows.evaluation.case import Case, Floats
from calmops_flows.evaluation.pairs import Pairs, confusion_pairs, rank_pairs, row_pairs
from calmops_flows.evaluation.ranking import mean_area, rankings
from calmops_flows.records import Evaluation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from calmops_flows.evaluation.predictions import Predictions

Task = Literal["classification", "regression"]


@dataclass(frozen=True, slots=True)
class OfConfusion:
    """A statistic of the confusion matrix."""

    formula: confusion.Formula

    def value(self, case: Case) -> float:
        """Return the metric, NaN where undefined."""
        return float(self.formula(confusion.count(*case.coded)))

    def pairs(self, champion: Case, challenger: Case) -> Pairs:
        """Pair two models."""
        return confusion_pairs(self.formula, champion, challenger)


@dataclass(frozen=True, slots=True)
class OfRows:
    """A statistic of means over rows."""

    rows: Callable[[Case], Floats]
    combine: Callable[[Floats], Floats] = rowwise.identity

    def value(self, case: Case) -> float:
        """Return the metric."""
        return float(self.combine(self.rows(case).mean(axis=0)))

    def pairs(self, champion: Case, challenger: Case) -> Pairs:
        """Pair two models."""
        return row_pairs(self.combine, self.rows(champion), self.rows(challenger))


@dataclass(frozen=True, slots=True)
class OfRanks:
    """The area under the ROC curve."""

    def value(self, case: Case) -> float:
        """Return the area."""
        return float(mean_area(rankings(case), np.ones((1, len(case.truth))))[0])

    def pairs(self, champion: Case, challenger: Case) -> Pairs:
        """Pair two models."""
        return rank_pairs(champion, challenger)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric and what the rest must know about it.

    Parameters
    ----------
    name : str
        Canonical name.
    task : {"classification", "regression"}
        Where it is defined.
    statistic : OfConfusion, OfRows or OfRanks
        How it is computed, also over resamples.
    is_loss : bool
        Lower is better.
    needs_probability : bool
        Undefined for models without probabilities.
    bounded : bool
        On a fixed scale, so that margins are absolute; else they are shares.
    is_class_sensitive : bool
        A rare class carries much of it, so that it needs rows of each class.
    undefined : str
        When it is undefined, for the note.
    """

    name: str
    task: Task
    statistic: OfConfusion | OfRows | OfRanks
    is_loss: bool = False
    needs_probability: bool = False
    bounded: bool = True
    is_class_sensitive: bool = False
    undefined: str = "is not finite on these rows"

    def score(self, case: Case) -> float:
        """Return the metric of one case.

        Raises
        ------
        UntestableError
            If it is undefined there.
        """
        if len(case.truth) == 0:
            raise UntestableError("there are no rows")
        with np.errstate(over="ignore", invalid="ignore"):
            value = self.statistic.value(case)
        if not np.isfinite(value):
            raise UntestableError(self.undefined)
        return value


def _classification(name: str, statistic: OfConfusion | OfRows | OfRanks, **facts: Any) -> Metric:
    return Metric(name, "classification", statistic, **facts)


def _error(name: str, statistic: OfRows) -> Metric:
    return Metric(name, "regression", statistic, is_loss=True, bounded=False)


_SENSITIVE: dict[str, Any] = {"is_class_sensitive": True}
_PROBABILITY: dict[str, Any] = {"needs_probability": True}

_ALL = (
    _classification("accuracy", OfConfusion(confusion.accuracy)),
    _classification(
        "balanced_accuracy",
        OfConfusion(confusion.balanced_accuracy),
        undefined="needs rows of two classes, found one",
        **_SENSITIVE,
    ),
    _classification(
        "f1",
        OfConfusion(confusion.f1),
        undefined="the positive class neither occurs nor is predicted",
        **_SENSITIVE,
    ),
    _classification("f1_macro", OfConfusion(confusion.f1_macro), **_SENSITIVE),
    _classification("f1_weighted", OfConfusion(confusion.f1_weighted)),
    _classification(
        "precision",
        OfConfusion(confusion.precision),
        undefined="the positive class is never predicted",
        **_SENSITIVE,
    ),
    _classification(
        "recall",
        OfConfusion(confusion.recall),
        undefined="the positive class does not occur",
        **_SENSITIVE,
    ),
    _classification(
        "mcc",
        OfConfusion(confusion.mcc),
        undefined="needs rows of two classes, found one",
        **_SENSITIVE,
    ),
    _classification("roc_auc", OfRanks(), **_PROBABILITY, **_SENSITIVE),
    _classification(
        "log_loss",
        OfRows(rowwise.negative_log_likelihood),
        is_loss=True,
        bounded=False,
        **_PROBABILITY,
    ),
    _classification(
        "brier", OfRows(rowwise.squared_probability_error), is_loss=True, **_PROBABILITY
    ),
    Metric("r2", "regression", OfRows(rowwise.error_and_spread, rowwise.determination)),
    _error("rmse", OfRows(rowwise.squared_error, rowwise.root)),
    _error("mae", OfRows(rowwise.absolute_error)),
    _error("mse", OfRows(rowwise.squared_error)),
    _error("mape", OfRows(rowwise.relative_error)),
)
METRICS: dict[str, Metric] = {metric.name: metric for metric in _ALL}
ALIASES = {"f1_binary": "f1"}


def find_metric(name: str, task: Task | None = None) -> Metric:
    """Return a metric by name or alias.

    Parameters
    ----------
    name : str
        Key of `METRICS` or `ALIASES`.
    task : {"classification", "regression"}, optional
        Task it must fit.

    Raises
    ------
    SpecError
        If there is none of that name, or it is of the other task.
    """
    metric = METRICS.get(ALIASES.get(name, name))
    known = sorted(m.name for m in _ALL if task in {None, m.task})
    if metric is None:
        raise SpecError(f"metric must be one of {known}, got {name!r}")
    if task not in {None, metric.task}:
        raise SpecError(f"metric {name!r} is for {metric.task}; for {task} use one of {known}")
    return metric


def default_metric(task: Task) -> str:
    """Return the metric that compares models unless the spec names one."""
    return "balanced_accuracy" if task == "classification" else "rmse"


def evaluate(
    task: Task,
    y_true: NDArray[Any],
    predictions: Predictions,
    *,
    names: Iterable[str] | None = None,
) -> Evaluation:
    """Score predictions against the truth.

    The positive class of two is the last in sorted order. With three or more, precision and
    recall are macro means, and ROC AUC is the mean of one-against-rest areas.

    Parameters
    ----------
    task : {"classification", "regression"}
        What was predicted.
    y_true : ndarray of shape (n,)
        True labels or numbers, none missing.
    predictions : Predictions
        Of the same rows.
    names : iterable of str, optional
        Metrics to compute; default: all of the task.

    Returns
    -------
    Evaluation
        Undefined metrics are None, with the reason among the notes.

    Raises
    ------
    SpecError
        If a name is unknown or of the other task.
    ModelError
        If truth and predictions do not fit each other in length or type.

    Examples
    --------
    >>> import numpy as np
    >>> from calmops_flows.evaluation import Predictions
    >>> said = Predictions(np.array(["no", "yes", "no", "yes"]))
    >>> found = evaluate("classification", np.array(["no", "yes", "yes", "yes"]), said,
    ...                  names=["accuracy", "balanced_accuracy", "roc_auc"])
    >>> found.metrics["accuracy"], found.metrics["roc_auc"], found.notes["roc_auc"]
    (0.75, None, 'the model gives no probabilities')
    """
    chosen = [m for m in _ALL if m.task == task]
    if names is not None:
        chosen = list(dict.fromkeys(find_metric(name, task) for name in names))
    case = Case(y_true, predictions)
    metrics: dict[str, float | None] = {}
    notes: dict[str, str] = {}
    for metric in chosen:
        try:
            metrics[metric.name] = metric.score(case)
        except UntestableError as err:
            metrics[metric.name] = None
            notes[metric.name] = str(err)
    return Evaluation(len(y_true), metrics, notes)
