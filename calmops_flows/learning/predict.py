"""Predictions of a fitted model in chunks, so that memory stays bounded."""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from calmops_flows.errors import ModelError
from calmops_flows.evaluation.predictions import Predictions
from calmops_flows.learning.ask import ask
from calmops_flows.learning.columns import features

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

    from calmops_flows.learning.columns import ContractLike

logger = logging.getLogger(__name__)

# What a model may raise on rows that it cannot take.
FAILURES = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    MemoryError,
)


def predict(
    estimator: Any, table: pa.Table, contract: ContractLike, *, chunk_rows: int = 50_000
) -> Predictions:
    """Predict all rows of a table.

    Parameters
    ----------
    estimator : sklearn.pipeline.Pipeline
        Fitted, from `build_estimator`; any fitted estimator over the frame of `features` will do.
    table : pyarrow.Table
        Rows that conform to the contract; the target may be absent.
    contract : ContractLike
        Columns and types.
    chunk_rows : int, default 50_000
        Rows converted and predicted at once.

    Returns
    -------
    Predictions
        With probabilities where the model gives them.

    Raises
    ------
    ModelError
        If the model fails on the rows, or returns something of the wrong shape.
    """
    classes = getattr(estimator, "classes_", None)
    known = None if classes is None else tuple(np.asarray(classes).tolist())
    if table.num_rows == 0:
        return _nothing(classes, known, has_probabilities=hasattr(estimator, "predict_proba"))
    parts = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for start in range(0, table.num_rows, chunk_rows):
            frame = features(table.slice(start, chunk_rows), contract)
            parts.append(_predict_frame(estimator, frame, classes))
    for text in sorted({f"{w.category.__name__}: {w.message}" for w in caught}):
        logger.warning("prediction: %s", text[:200])
    values = np.concatenate([values for values, _ in parts])
    probabilities = [part for _, part in parts if part is not None]
    return Predictions(values, np.concatenate(probabilities) if probabilities else None, known)


def _predict_frame(
    estimator: Any, frame: pd.DataFrame, classes: Any
) -> tuple[NDArray[Any], NDArray[np.float64] | None]:
    name = type(estimator).__name__
    try:
        values, probabilities = _ask(estimator, frame, classes)
    except FAILURES as err:
        raise ModelError(f"{name} cannot predict: {type(err).__name__}: {err}") from err
    if values.shape != (len(frame),):
        raise ModelError(f"{name} predicted shape {values.shape} for {len(frame)} rows")
    return values, probabilities


def _ask(
    estimator: Any, frame: pd.DataFrame, classes: Any
) -> tuple[NDArray[Any], NDArray[np.float64] | None]:
    """Encode once, then ask the last step for labels and probabilities."""
    if not hasattr(estimator, "steps"):
        return ask(estimator, frame, classes)
    return ask(estimator.steps[-1][1], estimator[:-1].transform(frame), classes)


def _nothing(classes: Any, known: Any, *, has_probabilities: bool) -> Predictions:
    if known is None:
        return Predictions(np.empty(0))
    probabilities = np.empty((0, len(known))) if has_probabilities else None
    return Predictions(np.empty(0, dtype=np.asarray(classes).dtype), probabilities, known)
