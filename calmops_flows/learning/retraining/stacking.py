"""Mode ``stacking``: the champion and a new model under a meta-learner."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from calmops_flows.errors import ModelError
from calmops_flows.learning.columns import MOMENT, NUMERIC, TEXT, feature_names
from calmops_flows.learning.encode import build_encoder
from calmops_flows.learning.retraining.base import (
    Fitted,
    check_two_classes,
    fit,
    measured,
    rows_of,
)
from calmops_flows.learning.rows import concatenated

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from numpy.typing import NDArray

    from calmops_flows.learning.retraining.base import TrainingContext

MAX_DEPTH = 5
_FOLDS = 5
_LEAST_OLD = 20
_PENALTIES = (0.1, 1.0, 10.0)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Old rows, then new ones, with which is which."""

    X: pd.DataFrame
    y: NDArray[Any]
    is_new: NDArray[np.bool_]


def stacking(context: TrainingContext) -> Fitted:
    """Fit a new model, and a meta-learner that knows when to trust it or the champion [1]_.

    The meta-learner learns from predictions for rows that the new model did not see: out of fold
    on the new rows, and on old rows from the reservoir. Where there are old rows, a
    forest that tells them from new ones says how new a row is, so that each model is trusted where
    it has been taught. The first model is fitted alone.

    Parameters
    ----------
    context : TrainingContext
        Champion, new rows, and old ones.

    Returns
    -------
    Fitted
        Champion and new model, frozen, under the meta-learner.

    Raises
    ------
    ModelError
        If the new model cannot be fitted, also on a part of the rows.

    References
    ----------
    .. [1] Wolpert, D. H. (1992). Stacked generalization. Neural Networks 5(2), 241-259.
    """
    new = fit(context.build(), context, context.table, mode="stacking")
    if context.champion is None:
        return new
    old, shortened = _bounded(context.champion)
    rows = _rows(context)
    with measured(new.estimator, verb="stacked") as took:
        stacked = _stack(context, old, new.estimator, rows)
    seconds = new.fit_seconds + took.seconds
    notes = tuple(dict.fromkeys((*new.notes, *took.notes, *shortened)))
    found = replace(new, estimator=stacked, rows=len(rows.y), fit_seconds=seconds, notes=notes)
    return replace(found, continues=True)


def _bounded(champion: Any) -> tuple[Any, tuple[str, ...]]:
    """Return the champion, or, once it is nested too deep, its newest model."""
    if getattr(champion, "depth", 1) < MAX_DEPTH:
        return champion, ()
    note = f"the champion already stacks {MAX_DEPTH} models; its oldest ones were left behind"
    return champion.new, (note,)


def _rows(context: TrainingContext) -> _Rows:
    """Return the new rows with half as many old ones before them."""
    X, y = rows_of(context, context.table)
    n_new = len(y)
    old = context.replayed(n_new // 2)
    if old.num_rows >= _LEAST_OLD:
        X, y = rows_of(context, concatenated([old, context.table]))
    return _Rows(X, y, np.arange(len(y)) >= len(y) - n_new)


def _stack(context: TrainingContext, old: Any, new: Any, rows: _Rows) -> Any:
    from calmops_flows.learning.stacked import (
        StackedClassifier,
        StackedRegressor,
        class_evidence,
        evidence,
        number_evidence,
    )

    is_regression = context.task == "regression"
    classes = np.unique(rows.y)

    def answers(model: Any, X: pd.DataFrame) -> NDArray[np.float64]:
        return number_evidence(model, X) if is_regression else class_evidence(model, X, classes)

    gate, newness = _gate(context, rows)
    by_new = answers(new, rows.X)
    for train, test in _folds(context, rows):
        check_two_classes(rows.y[train], context.task)
        fold = clone(new).fit(rows.X.iloc[train], rows.y[train])
        by_new[test] = answers(fold, rows.X.iloc[test])
    seen = evidence(answers(old, rows.X), by_new, newness)
    meta = _meta(is_regression).fit(seen, rows.y)
    return (StackedRegressor if is_regression else StackedClassifier)(old, new, meta, gate)


def _meta(is_regression: bool) -> Any:
    last = RidgeCV(_PENALTIES) if is_regression else LogisticRegression(max_iter=1_000)
    return make_pipeline(StandardScaler(), last)


def _gate(context: TrainingContext, rows: _Rows) -> tuple[Any, NDArray[np.float64] | None]:
    """Fit the forest that tells new rows from old ones; return it and its out-of-bag answers.

    Moments are left out: by its time every later row would be new.
    """
    columns = feature_names(context.contract, NUMERIC | TEXT)
    if rows.is_new.all() or not columns:
        return None, None
    forest = RandomForestClassifier(
        min_samples_leaf=10, oob_score=True, random_state=context.seed, n_jobs=1
    )
    gate = make_pipeline(build_encoder(context.contract, scale=False, without=MOMENT), forest)
    gate.fit(rows.X, rows.is_new.astype(int))
    newness = forest.oob_decision_function_[:, 1]
    return gate, np.where(np.isnan(newness), rows.is_new.mean(), newness)


def _folds(
    context: TrainingContext, rows: _Rows
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Yield the places of the new rows that teach, and of those that are predicted."""
    places = np.flatnonzero(rows.is_new)
    n_folds, folded = _FOLDS, KFold
    if context.task == "classification":
        counts = np.sort(np.unique(rows.y[places], return_counts=True)[1])
        n_folds, folded = min(_FOLDS, int(counts[-2])), StratifiedKFold
    n_folds = min(n_folds, len(places))
    if n_folds < 2:
        raise ModelError("stacking needs at least two rows, and two of each of two classes")
    folds = folded(n_folds, shuffle=True, random_state=context.seed)
    for train, test in folds.split(places, rows.y[places]):
        yield places[train], places[test]
