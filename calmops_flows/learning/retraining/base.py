"""What every retraining mode gets and gives, and the one guarded fit."""

from __future__ import annotations

import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from calmops_flows.errors import ModelError
from calmops_flows.learning.columns import features, target_values
from calmops_flows.learning.search import describe_best, searched
from calmops_flows.spec import RetrainSpec

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

    from calmops_flows.evaluation.metrics import Task
    from calmops_flows.learning.columns import ContractLike
    from calmops_flows.spec import SearchSpec

MAX_NOTES = 10
_FAILURES = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    MemoryError,
    np.linalg.LinAlgError,
)


@dataclass(frozen=True, slots=True)
class Past:
    """Rows of earlier snapshots, read only when a mode asks for them.

    Parameters
    ----------
    newest : callable
        Takes a number of rows, or None for all; returns that many labelled rows that came before
        the training rows, oldest first.
    replay : callable
        Takes a number of rows; returns at most that many from a sample of all earlier rows, in
        the proportions of their classes.
    """

    newest: Callable[[int | None], pa.Table]
    replay: Callable[[int], pa.Table]


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
    options : RetrainSpec
        Options of the modes: ``window_size``, ``replay_fraction``, ``scope``.
    past : Past, optional
        Rows of earlier snapshots; None: there are none.
    classes : tuple
        Classes that are known, sorted, whether or not these rows hold them; empty: those of
        the rows.
    search : SearchSpec, optional
        Parameters to search around each fit from scratch.
    """

    build: Callable[[], Any]
    table: pa.Table
    contract: ContractLike
    task: Task
    seed: int
    champion: Any = None
    options: RetrainSpec = field(default_factory=RetrainSpec)
    past: Past | None = None
    classes: tuple[Any, ...] = ()
    search: SearchSpec | None = None

    def before(self, n_rows: int | None) -> pa.Table:
        """Return the last n rows that came before the training rows, oldest first."""
        return self.past.newest(n_rows) if self.past else self.table.slice(0, 0)

    def replayed(self, n_rows: int) -> pa.Table:
        """Return at most n old rows in the proportions of their classes."""
        return self.past.replay(n_rows) if self.past else self.table.slice(0, 0)


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
    continues : bool
        Whether the champion it was built on, with all that taught that one, is part of it.
    earlier : tuple of str
        Digests of the earlier snapshots that some of the rows are from.
    """

    estimator: Any
    rows: int
    fit_seconds: float
    mode: str
    notes: tuple[str, ...] = ()
    details: Mapping[str, float] = field(default_factory=dict)
    continues: bool = False
    earlier: tuple[str, ...] = ()


Retrainer = Callable[[TrainingContext], Fitted]


@dataclass(slots=True)
class Measured:
    """What a guarded piece of work took: CPU seconds, and warnings as notes."""

    seconds: float = 0.0
    notes: tuple[str, ...] = ()


def fit(estimator: Any, context: TrainingContext, table: pa.Table, *, mode: str) -> Fitted:
    """Fit an estimator on the labelled rows of a table.

    Parameters
    ----------
    estimator : estimator
        Unfitted; it is fitted in place, or, where the context asks for a search, a copy is.
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
    X, y = rows_of(context, table)
    check_two_classes(y, context.task)
    with measured(estimator) as took:
        if context.search is None:
            estimator.fit(X, y)
        else:
            task, seed = context.task, context.seed
            estimator = searched(estimator, X, y, context.search, task=task, seed=seed)
    notes = took.notes
    if context.search is not None:
        notes = (*notes, describe_best(estimator, context.search))
    return Fitted(estimator, len(y), took.seconds, mode, notes)


def rows_of(context: TrainingContext, table: pa.Table) -> tuple[pd.DataFrame, NDArray[Any]]:
    """Return features and target of the labelled rows of a table.

    Parameters
    ----------
    context : TrainingContext
        Contract and task.
    table : pyarrow.Table
        Rows that conform to the contract.

    Returns
    -------
    X : pandas.DataFrame of shape (n_labelled, n_features)
        Features, not encoded.
    y : ndarray of shape (n_labelled,)
        Target.

    Raises
    ------
    ModelError
        If the contract names no target, or no row has a label.
    """
    target = context.contract.target
    if target is None:
        raise ModelError("the contract names no target, so there is nothing to learn")
    y, labelled = target_values(table, target, context.task)
    if len(y) == 0:
        raise ModelError("there are no labelled rows to learn from")
    return features(table if labelled.all() else table.filter(labelled), context.contract), y


def check_two_classes(y: NDArray[Any], task: Task) -> None:
    """Refuse a target of one class.

    Raises
    ------
    ModelError
        If a classification has fewer than two classes.
    """
    if task == "classification" and (y == y[0]).all():
        raise ModelError("needs at least two classes, found 1")


def check_known_classes(y: NDArray[Any], champion: Any) -> None:
    """Refuse classes that a frozen or continued champion cannot predict.

    Raises
    ------
    ModelError
        If there is a class that the champion does not know.
    """
    known = np.asarray(champion.classes_).tolist()
    n_new = len(set(np.unique(y).tolist()) - set(known))
    if n_new:
        raise ModelError(
            f"found {n_new} classes that the champion does not know (it knows {len(known)}); "
            "it cannot learn them; retrain with mode full, window or replay_mix"
        )


@contextmanager
def measured(estimator: Any, *, verb: str = "fitted") -> Iterator[Measured]:
    """Guard work of a foreign library: its errors become ModelError, its warnings notes.

    Raises
    ------
    ModelError
        If the work fails; it names the estimator and the cause.
    """
    took = Measured()
    start = time.process_time()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield took
        except ModelError:
            raise
        except _FAILURES as err:
            cause = f"{type(err).__name__}: {_first_line(err)}"
            raise ModelError(f"{name_of(estimator)} cannot be {verb}: {cause}") from err
    took.seconds = time.process_time() - start
    took.notes = _notes(caught)


def name_of(estimator: Any) -> str:
    """Return the name of the last step's class."""
    return type(last_step(estimator)).__name__


def last_step(estimator: Any) -> Any:
    """Return the last step of a Pipeline, or the estimator itself."""
    steps = getattr(estimator, "steps", None)
    return steps[-1][1] if steps else estimator


def _notes(caught: list[warnings.WarningMessage]) -> tuple[str, ...]:
    texts = Counter(f"{w.category.__name__}: {_first_line(w.message)}" for w in caught)
    notes = [text if n == 1 else f"{text} ({n} times)" for text, n in texts.items()]
    more = len(notes) - MAX_NOTES
    return tuple(notes if more <= 0 else [*notes[:MAX_NOTES], f"… and {more} more"])


def _first_line(problem: object) -> str:
    lines = str(problem).strip().splitlines()
    return lines[0][:200] if lines else "no message"
