"""Models that the user's own functions fit."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from calmops_flows.errors import ModelError
from calmops_flows.learning.retraining.base import (
    Fitted,
    check_two_classes,
    measured,
    rows_of,
)
from calmops_flows.learning.user_code import Reference, call_user, n_positional

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from calmops_flows.evaluation.metrics import Task
    from calmops_flows.learning.retraining.base import TrainingContext

logger = logging.getLogger(__name__)
HISTORICAL_ARGUMENTS = 5
_TRIED_ROWS = 5


@dataclass(frozen=True, slots=True)
class CustomContext:
    """What a user's function gets; it returns a fitted estimator.

    Attributes
    ----------
    X : pandas.DataFrame of shape (n_rows, n_features)
        Training rows with the contract's columns, not encoded. The rows that will judge the
        model are not among them.
    y : ndarray of shape (n_rows,)
        Target.
    task : {"classification", "regression"}
        What is predicted.
    champion : estimator or None
        The serving model. It must not be changed.
    build : callable
        Returns a new, unfitted, seeded pipeline of the spec's model, which encodes ``X`` itself.
    before : callable
        Takes a number of rows (None: all); returns ``(X, y)`` of the rows that came before.
    seed : int
        Seed of whatever is drawn, so that a repeated step gives the same model.
    classes : tuple
        Classes that are known, also those that ``y`` lacks.
    """

    X: pd.DataFrame
    y: NDArray[Any]
    task: Task
    champion: Any
    build: Callable[[], Any]
    before: Callable[[int | None], tuple[pd.DataFrame, NDArray[Any]]]
    seed: int
    classes: tuple[Any, ...]


def fit_custom(
    context: TrainingContext, reference: Reference, function: Callable[..., Any], *, mode: str
) -> Fitted:
    """Let a user's function fit the model.

    Parameters
    ----------
    context : TrainingContext
        Rows, contract, champion.
    reference : Reference
        Where the function is, for errors.
    function : callable
        Takes a `CustomContext`, or the five arguments of the historical system ``(X, y,
        last_processed_file, logger, metrics_dir)``, which return a tuple that starts with the
        model.
    mode : str
        Named in the result.

    Returns
    -------
    Fitted
        With the libraries' warnings as notes.

    Raises
    ------
    ModelError
        If the function raises, naming its file and line, or returns something that is no
        fitted model for these rows.
    """
    X, y = rows_of(context, context.table)
    check_two_classes(y, context.task)
    with measured(function) as took:
        if n_positional(function) == HISTORICAL_ARGUMENTS:
            model = _historical(reference, function, X, y)
        else:
            model = call_user(reference, function, _given(context, X, y))
    _check_model(reference, model, X, context.task)
    may_continue = context.champion is not None  # it was given the champion
    return Fitted(model, len(y), took.seconds, mode, took.notes, continues=may_continue)


def _given(context: TrainingContext, X: pd.DataFrame, y: NDArray[Any]) -> CustomContext:
    return CustomContext(
        X=X,
        y=y,
        task=context.task,
        champion=context.champion,
        build=context.build,
        before=lambda n_rows: rows_of(context, context.before(n_rows)),
        seed=context.seed,
        classes=context.classes,
    )


def _historical(
    reference: Reference, function: Callable[..., Any], X: pd.DataFrame, y: NDArray[Any]
) -> Any:
    """Call ``(X, y, file, logger, metrics_dir) -> (model, X_test, y_test, results)``."""
    with tempfile.TemporaryDirectory(prefix="calmops-") as folder:
        found = call_user(reference, function, X, y, "", logger, folder)
    return found[0] if isinstance(found, tuple) and found else found


def _check_model(reference: Reference, model: Any, X: pd.DataFrame, task: Task) -> None:
    """Refuse what cannot serve: no model, not fitted, of another task, of the wrong shape."""
    what = f"{reference.place}: {reference.name}() must return a fitted model, it returned"
    if not callable(getattr(model, "predict", None)):
        raise ModelError(f"{what} {type(model).__name__}, which has no predict()")
    if task == "classification" and not hasattr(model, "classes_"):
        raise ModelError(f"{what} {type(model).__name__} without classes_: it is not fitted")
    n = min(len(X), _TRIED_ROWS)
    said = np.asarray(call_user(reference, model.predict, X.iloc[:n]))
    if said.shape != (n,):
        raise ModelError(f"{what} a model that predicts shape {said.shape} for {n} rows")
