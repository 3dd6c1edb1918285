"""What every retraining mode gets and gives, and the one guarded fit."""

from __future__ import annotations

import time
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from calmops_flows.errors import ModelError
from calmops_flows.learning.columns import features, target_values

if TYPE_CHECKING:
    import pyarrow as pa

    from calmops_flows.evaluation.metrics import Task
    from calmops_flows.learning.columns import ContractLike

MAX_NOTES = 10


@dataclass(frozen=True, slots=True)
class TrainingContext:
    """All that a retraining mode may use.

    Parameters
    ----------
    build : callable
        Returns a new unfitted estimator, seeded (see `build_estimator`).
    table : pyarrow.Table
        Training rows that conform to the contract; rows without a label are left out.
    contract : ContractLike
        Columns, types and target.
    task : {"classification", "regression"}
        What is predicted.
    seed : int
        Seed of the mode's own choices.
    champion : estimator, optional
        The fitted champion, for modes that build on it. It must not be changed.
    """

    build: Callable[[], Any]
    table: pa.Table
    contract: ContractLike
    task: Task
    seed: int
    champion: Any = None


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fitted estimator and what its fit took.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    rows : int
        Labelled rows it was fitted on.
    fit_seconds : float
        CPU seconds of the process.
    mode : str
        Retraining mode.
    notes : tuple of str
        Warnings of the libraries, each once, with their number.
    details : mapping of str to float
        Quantities of the model itself, such as the size of an ensemble.
    """

    estimator: Any
    rows: int
    fit_seconds: float
    mode: str
    notes: tuple[str, ...] = ()
    details: Mapping[str, float] = field(default_factory=dict)


Retrainer = Callable[[TrainingContext], Fitted]


def fit(estimator: Any, context: TrainingContext, table: pa.Table, *, mode: str) -> Fitted:
    """Fit an estimator on the labelled rows of a table.

    Parameters
    ----------
    estimator : estimator
        Unfitted; it is fitted in place.
    context : TrainingContext
        Contract and task.
    table : pyarrow.Table
        Rows.
    mode : str
        Named in the result.

    Returns
    -------
    Fitted
        With the libraries' warnings as notes.

    Raises
    ------
    ModelError
        If there are no labelled rows, only one class, or the fit fails.
    """
    target = context.contract.target
    if target is None:
        raise ModelError("the contract names no target, so there is nothing to learn")
    y, labelled = target_values(table, target, context.task)
    _check_target(y, context.task)
    X = features(table if labelled.all() else table.filter(labelled), context.contract)
    start = time.process_time()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            estimator.fit(X, y)
        except (
            ValueError,
            TypeError,
            ArithmeticError,
            MemoryError,
            np.linalg.LinAlgError,
        ) as err:
            cause = f"{type(err).__name__}: {_first_line(err)}"
            raise ModelError(f"{_name(estimator)} cannot be fitted: {cause}") from err
    seconds = time.process_time() - start
    return Fitted(estimator, len(y), seconds, mode, _notes(caught))


def _check_target(y: np.typing.NDArray[Any], task: Task) -> None:
    if len(y) == 0:
        raise ModelError("there are no labelled rows to learn from")
    if task == "classification" and (y == y[0]).all():
        raise ModelError("needs at least two classes, found 1")


def _name(estimator: Any) -> str:
    """Return the name of the last step's class."""
    steps = getattr(estimator, "steps", None)
    return type(steps[-1][1] if steps else estimator).__name__


def _notes(caught: list[warnings.WarningMessage]) -> tuple[str, ...]:
    texts = Counter(f"{w.category.__name__}: {_first_line(w.message)}" for w in caught)
    notes = [text if n == 1 else f"{text} ({n} times)" for text, n in texts.items()]
    more = len(notes) - MAX_NOTES
    return tuple(notes if more <= 0 else [*notes[:MAX_NOTES], f"… and {more} more"])


def _first_line(problem: object) -> str:
    lines = str(problem).strip().splitlines()
    return lines[0][:200] if lines else "no message"
