"""Mode ``incremental``: go on learning where the champion stopped."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from calmops_flows.errors import ModelError
from calmops_flows.learning.recalibrated import uncorrected
from calmops_flows.learning.retraining.base import (
    Fitted,
    check_known_classes,
    check_two_classes,
    fit,
    last_step,
    measured,
    name_of,
    rows_of,
)

if TYPE_CHECKING:
    from calmops_flows.learning.retraining.base import TrainingContext


def incremental(context: TrainingContext) -> Fitted:
    """Teach the new rows to a copy of the champion, in one pass of ``partial_fit``.

    Its preprocessing stays as it was fitted. The first model is fitted from scratch, and knows
    all classes of the context, also those that its own rows lack.

    Parameters
    ----------
    context : TrainingContext
        Champion and new rows.

    Returns
    -------
    Fitted
        The copy.

    Raises
    ------
    ModelError
        If the model cannot learn in steps, or a class is new to the champion.
    """
    if context.champion is None:
        return _first(context)
    X, y = rows_of(context, context.table)
    model = copy.deepcopy(uncorrected(context.champion))
    last = _continuing(model)
    if context.task == "classification":
        check_known_classes(y, model)
    with measured(model) as took:
        last.partial_fit(model[:-1].transform(X) if last is not model else X, y)
    return Fitted(model, len(y), took.seconds, "incremental", took.notes, continues=True)


def _first(context: TrainingContext) -> Fitted:
    """Fit from scratch, or, where a known class is lacking, in one pass that is told of it."""
    model = context.build()
    last = _continuing(model)
    X, y = rows_of(context, context.table)
    if context.task == "regression" or not set(context.classes) - set(y.tolist()):
        return fit(model, context, context.table, mode="incremental")
    check_two_classes(y, context.task)
    with measured(model) as took:
        encoded = model[:-1].fit_transform(X, y)
        last.partial_fit(encoded, y, classes=np.array(context.classes, dtype=y.dtype))
    return Fitted(model, len(y), took.seconds, "incremental", took.notes)


def _continuing(model: Any) -> Any:
    last = last_step(model)
    if not hasattr(last, "partial_fit"):
        raise ModelError(
            f"{name_of(model)} cannot be fitted incrementally: it has no partial_fit(); "
            "choose another retrain.mode or model"
        )
    return last
