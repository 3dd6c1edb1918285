"""The short path of a few rows, used only where it says what the ordinary one says."""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from calmops_flows.errors import ModelError
from calmops_flows.learning.compiled import compile_model
from calmops_flows.learning.predict import FAILURES, predict
from calmops_flows.serving.plain import PlainReader
from calmops_flows.serving.problems import RequestError
from calmops_flows.serving.rows import to_table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from calmops_flows.data.contract import Contract
    from calmops_flows.evaluation.predictions import Predictions
    from calmops_flows.learning.compiled import Compiled
    from calmops_flows.serving.payload import Payload

    Told = tuple[Predictions, tuple[str, ...]]

BRIEF_SECONDS = 0.005
TRIAL_SECONDS = 0.5
MOST_ROWS = 64  # above, Arrow and pandas are as fast
TOLERANCE = 1e-12


class Quick:
    """Reads and predicts a few rows without Arrow and pandas.

    Parameters
    ----------
    model : Compiled
        The model.
    contract : Contract
        The pipeline's.

    Attributes
    ----------
    is_brief : bool
        Whether it takes so little time that a server's event loop can bear it.
    """

    def __init__(self, model: Compiled, contract: Contract) -> None:
        self._model = model
        self._reader = PlainReader(contract)
        self.is_brief = False

    def answer(self, payload: Payload) -> Told | None:
        """Predict rows.

        Parameters
        ----------
        payload : Payload
            Rows as they came.

        Returns
        -------
        tuple of Predictions and warnings, or None
            None where the ordinary path has to look: many rows, odd types, a model that fails.
        """
        if not 0 < payload.n_rows <= MOST_ROWS:
            return None
        read = self._reader.read(payload)
        if read is None:
            return None
        rows, said = read
        try:
            return self._model.predict(rows), said
        except (*FAILURES, ModelError, Warning):
            return None  # the ordinary path tells what is wrong


def quicken(
    estimator: Any, contract: Contract, trials: Iterable[Payload], *, block_column: str | None
) -> tuple[Quick | None, str]:
    """Build the short path of a model, and see that it agrees with the ordinary one.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    contract : Contract
        The pipeline's.
    trials : iterable of Payload
        Rows to compare both on.
    block_column : str or None
        Column of block ids.

    Returns
    -------
    quick : Quick or None
        None where a part of the model is not known, or a trial was answered otherwise.
    reason : str
        Why there is none; empty otherwise.
    """
    model = compile_model(estimator)
    if model is None:
        return None, f"a part of this {type(estimator).__name__} is not known to the compiler"
    quick = Quick(model, contract)
    compared: list[Payload] = []
    end = time.thread_time() + TRIAL_SECONDS
    for payload in trials:
        if compared and time.thread_time() > end:
            break  # others wait for their answers meanwhile
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                told = quick.answer(payload)
            except Warning as warning:
                return None, f"the compiled model warns: {warning}"
        if told is None:
            continue
        if not _agree(told, _ordinary(estimator, contract, payload, block_column)):
            return None, "the compiled model answers trial rows otherwise"
        compared.append(payload)
    if not compared:
        return None, "no trial row could be read in short"
    quick.is_brief = _seconds(quick, max(compared, key=lambda one: one.n_rows)) <= BRIEF_SECONDS
    return quick, ""


def _seconds(quick: Quick, payload: Payload) -> float:
    """Return the processor time of an answer; that of the clock tells of other processes, too."""
    start = time.thread_time()
    quick.answer(payload)
    return time.thread_time() - start


def _ordinary(
    estimator: Any, contract: Contract, payload: Payload, block_column: str | None
) -> Told | None:
    try:
        table, said = to_table(payload, contract, block_column=block_column)
        return predict(estimator, table, contract), said
    except (RequestError, ModelError):
        return None


def _agree(told: Told, expected: Told | None) -> bool:
    if expected is None or told[1] != expected[1]:
        return False
    ours, theirs = told[0], expected[0]
    if (ours.probabilities is None) != (theirs.probabilities is None):
        return False
    if ours.probabilities is not None and not _close(ours.probabilities, theirs.probabilities):
        return False
    return ours.classes == theirs.classes and _close(ours.values, theirs.values)


def _close(ours: Any, theirs: Any) -> bool:
    if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
        return False
    if ours.dtype.kind != "f":
        return bool((ours == theirs).all())
    return bool(np.isclose(ours, theirs, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True).all())
