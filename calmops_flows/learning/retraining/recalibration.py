"""Mode ``recalibration``: the champion stays, its answers are corrected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from calmops_flows.errors import ModelError
from calmops_flows.learning.corrections import fit_numbers, fit_probabilities
from calmops_flows.learning.recalibrated import (
    RecalibratedClassifier,
    RecalibratedRegressor,
    uncorrected,
)
from calmops_flows.learning.retraining.base import (
    Fitted,
    check_known_classes,
    check_two_classes,
    fit,
    measured,
    name_of,
    rows_of,
)

if TYPE_CHECKING:
    from calmops_flows.learning.retraining.base import TrainingContext


def recalibration(context: TrainingContext) -> Fitted:
    """Correct the champion's probabilities or predictions on the new rows.

    An earlier correction is replaced, never corrected again. The first model is fitted from
    scratch.

    Parameters
    ----------
    context : TrainingContext
        Champion and new rows, which it has not learnt.

    Returns
    -------
    Fitted
        The frozen champion under a new correction.

    Raises
    ------
    ModelError
        If the champion gives no probabilities, lacks a class, or is not to be repaired so.
    """
    if context.champion is None:
        return fit(context.build(), context, context.table, mode="recalibration")
    champion = uncorrected(context.champion)
    X, y = rows_of(context, context.table)
    with measured(champion, verb="recalibrated") as took:
        corrected = _classifier(champion, X, y) if hasattr(champion, "classes_") else None
        if corrected is None:
            answers = np.asarray(champion.predict(X), dtype=np.float64)
            corrected = RecalibratedRegressor(champion, fit_numbers(answers, y))
    return Fitted(corrected, len(y), took.seconds, "recalibration", took.notes, continues=True)


def _classifier(champion: Any, X: Any, y: Any) -> RecalibratedClassifier:
    if not hasattr(champion, "predict_proba"):
        raise ModelError(
            f"{name_of(champion)} cannot be recalibrated: it has no predict_proba(); "
            "choose another retrain.mode or model"
        )
    check_known_classes(y, champion)
    check_two_classes(y, "classification")
    answers = np.asarray(champion.predict_proba(X), dtype=np.float64)
    codes = np.searchsorted(np.asarray(champion.classes_), y)
    return RecalibratedClassifier(champion, fit_probabilities(answers, codes))
