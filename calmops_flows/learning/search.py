"""Search for the best parameters around one fit."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from calmops_flows.errors import SpecError
from calmops_flows.evaluation.case import Case
from calmops_flows.evaluation.metrics import default_metric, find_metric
from calmops_flows.evaluation.predictions import Predictions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from calmops_flows.evaluation.metrics import Task
    from calmops_flows.spec import SearchSpec

logger = logging.getLogger(__name__)

MAX_CANDIDATES = 200
RANDOM_CANDIDATES = 20
_REPORTS = 10


def check_search(search: SearchSpec, model: Any, *, task: Task | None) -> None:
    """Refuse a search that could not run, or not in bounded time.

    Parameters
    ----------
    search : SearchSpec
        What is searched.
    model : estimator
        Last step of the pipeline, unfitted.
    task : {"classification", "regression"}, optional
        What is predicted, if it is declared.

    Raises
    ------
    SpecError
        If a parameter or metric is unknown, a list is empty, or there are too many candidates.
    """
    known = model.get_params()
    for name, values in search.params.items():
        if "__" not in name and name not in known:
            raise SpecError(
                f"model.search.params: {type(model).__name__} has no parameter {name!r}; "
                f"it has {', '.join(sorted(known)[:10])}; write step1__{name} for the first step"
            )
        if not values:
            raise SpecError(f"model.search.params.{name}: expected values to try, got none")
    n = n_candidates(search)
    if search.method != "random" and n > MAX_CANDIDATES:
        raise SpecError(
            f"model.search has {n} candidates, at most {MAX_CANDIDATES} are tried by "
            f"{search.method}; try fewer values, or method random"
        )
    if search.scoring is not None:
        find_metric(search.scoring, task)


def n_candidates(search: SearchSpec) -> int:
    """Return the number of combinations of the values."""
    return math.prod(len(values) for values in search.params.values())


def searched(
    estimator: Any, X: Any, y: NDArray[Any], search: SearchSpec, *, task: Task, seed: int
) -> Any:
    """Fit an estimator with the parameters that do best in cross-validation.

    Parameters
    ----------
    estimator : sklearn.pipeline.Pipeline
        Unfitted; its last step is called ``model``.
    X : pandas.DataFrame of shape (n, n_features)
        Rows.
    y : ndarray of shape (n,)
        Target.
    search : SearchSpec
        Parameters, method, folds and metric.
    task : {"classification", "regression"}
        What is predicted.
    seed : int
        Of folds and random choice.

    Returns
    -------
    estimator
        The best one, fitted on all rows.
    """
    from sklearn.experimental import enable_halving_search_cv  # noqa: F401
    from sklearn.model_selection import (
        GridSearchCV,
        HalvingGridSearchCV,
        KFold,
        RandomizedSearchCV,
        StratifiedKFold,
    )

    params = {_path(name): values for name, values in search.params.items()}
    folds = StratifiedKFold if task == "classification" else KFold
    common: dict[str, Any] = {
        "scoring": _scorer(search, task),
        "cv": folds(search.cv, shuffle=True, random_state=seed),
        "error_score": "raise",
    }
    if search.method == "random":
        n = min(RANDOM_CANDIDATES, n_candidates(search))
        made = RandomizedSearchCV(estimator, params, n_iter=n, random_state=seed, **common)
    elif search.method == "halving":
        made = HalvingGridSearchCV(estimator, params, random_state=seed, **common)
    else:
        made = GridSearchCV(estimator, params, **common)
    made.fit(X, y)
    logger.info("search: best of %d candidates found", len(made.cv_results_["params"]))
    return made.best_estimator_


def describe_best(estimator: Any, search: SearchSpec) -> str:
    """Say which values were chosen."""
    chosen: Mapping[str, Any] = estimator.get_params()
    return "search chose " + ", ".join(f"{n}={chosen[_path(n)]!r}" for n in search.params)


def _path(name: str) -> str:
    return name if "__" in name else f"model__{name}"


def _scorer(search: SearchSpec, task: Task) -> Callable[[Any, Any, Any], float]:
    """Return a scorer that also reports progress, ten times in all."""
    metric = find_metric(search.scoring or default_metric(task), task)
    n = n_candidates(search)
    n = (min(n, RANDOM_CANDIDATES) if search.method == "random" else n) * search.cv
    n_done = 0

    def score(estimator: Any, X: Any, y: Any) -> float:
        nonlocal n_done
        n_done += 1
        if n_done % max(1, n // _REPORTS) == 0:
            logger.info("search: %d of about %d fits scored", n_done, n)
        chances = None
        if metric.needs_probability and hasattr(estimator, "predict_proba"):
            chances = np.asarray(estimator.predict_proba(X), dtype=np.float64)
        known = getattr(estimator, "classes_", None)
        classes = None if known is None else tuple(np.asarray(known).tolist())
        said = Predictions(np.asarray(estimator.predict(X)), chances, classes)
        value = metric.score(Case(np.asarray(y), said))
        return -value if metric.is_loss else value

    return score
