"""A whole fitted model over plain values, where each of its parts is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn import config_context
from sklearn.pipeline import Pipeline

from calmops_flows.errors import ModelError
from calmops_flows.evaluation.predictions import Predictions
from calmops_flows.learning.compiled.blocks import CompiledBlocks, answer
from calmops_flows.learning.compiled.direct import direct
from calmops_flows.learning.compiled.encoder import CompiledEncoder, compile_encoder
from calmops_flows.learning.parts import Blockwise
from calmops_flows.learning.recalibrated import RecalibratedClassifier, RecalibratedRegressor
from calmops_flows.learning.stacked import StackedClassifier, StackedRegressor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from calmops_flows.learning.ask import Said
    from calmops_flows.learning.compiled.rows import Rows

_PACKAGES = ("sklearn", "lightgbm", "calmops_flows")  # others may not bear threads


class Compiled:
    """A model that answers `Rows` as the original answers a frame.

    Parameters
    ----------
    model : object
        What `compile_model` put together.
    classes : ndarray or None
        Labels it knows; None for a regressor.
    """

    def __init__(self, model: Any, classes: NDArray[Any] | None) -> None:
        self._model = model
        self._known = None if classes is None else tuple(classes.tolist())

    def predict(self, rows: Rows) -> Predictions:
        """Answer a few rows.

        Parameters
        ----------
        rows : Rows
            Conforming to the contract that the model was fitted under.

        Returns
        -------
        Predictions
            As `calmops_flows.learning.predict` gives them, to 12 decimals.

        Raises
        ------
        ModelError
            If the rows become numbers that are not finite; the original says what then.
        """
        usual = config_context(assume_finite=True, skip_parameter_validation=True)
        with usual, np.errstate(all="ignore"):
            values, probabilities = answer(self._model, rows)
        return Predictions(values, probabilities, self._known)


class _Numbers:
    """Encoder, steps and model of a pipeline without probabilities."""

    def __init__(self, encoder: CompiledEncoder, steps: list[Any], model: Any) -> None:
        self._encoder = encoder
        self._steps = steps
        self._ask = direct(model)
        if hasattr(model, "classes_"):
            self.classes_ = np.asarray(model.classes_)

    def both(self, rows: Rows) -> Said:
        """Return labels or numbers, and probabilities if there are any."""
        X = self._encoder(rows)
        for step in self._steps:
            X = step.transform(X)
        if not isinstance(X, np.ndarray) or not np.isfinite(X).all():
            raise ModelError("the encoded rows hold numbers that are not finite")
        return self._ask(X)

    def predict(self, rows: Rows) -> NDArray[Any]:
        """Return labels or numbers."""
        return self.both(rows)[0]


class _Chances(_Numbers):
    """The same with probabilities."""

    def predict_proba(self, rows: Rows) -> NDArray[np.float64] | None:
        """Return the probability of each class."""
        return self.both(rows)[1]


def compile_model(estimator: Any) -> Compiled | None:
    """Put a fitted model together from plain arrays, as far as this module knows its parts.

    Parameters
    ----------
    estimator : estimator
        Fitted, as the registry holds it.

    Returns
    -------
    Compiled or None
        None where a part is not known. The caller must see that both say the same before it
        relies on this one.
    """
    model = _compiled(estimator)
    if model is None:
        return None
    classes = getattr(estimator, "classes_", None)
    return Compiled(model, None if classes is None else np.asarray(classes))


def _compiled(model: Any) -> Any:
    if type(model) is Pipeline:
        return _pipeline(model)
    if isinstance(model, RecalibratedClassifier | RecalibratedRegressor):
        inner = _compiled(model.model)
        asked = "predict_proba" if isinstance(model, RecalibratedClassifier) else "predict"
        return type(model)(inner, model.correction) if hasattr(inner, asked) else None
    if isinstance(model, StackedClassifier | StackedRegressor):
        return _stacked(model)
    if isinstance(model, Blockwise) and isinstance(model.block, str):
        return _blocks(model)
    return None


def _pipeline(model: Pipeline) -> Any:
    steps = [step for _, step in model.steps]
    encoder = compile_encoder(steps[0])
    packages = {type(step).__module__.partition(".")[0] for step in steps}
    if encoder is None or len(steps) < 2 or packages - set(_PACKAGES):
        return None
    kind = _Chances if hasattr(steps[-1], "predict_proba") else _Numbers
    return kind(encoder, steps[1:-1], steps[-1])


def _stacked(model: Any) -> Any:
    gate = None if model.gate is None else _compiled(model.gate)
    old, new = _compiled(model.old), _compiled(model.new)
    if old is None or new is None or (gate is None) != (model.gate is None):
        return None
    asked = "predict_proba" if isinstance(model, StackedClassifier) else "predict"
    if not all(hasattr(one, asked) for one in (old, new)):
        return None
    return type(model)(old, new, model.meta, gate)


def _blocks(model: Any) -> Any:
    parts = {block: _compiled(part) for block, part in model.parts_.items()}
    last = _compiled(model.global_)
    if last is None or None in parts.values():
        return None
    everyone = list(parts.values())
    return CompiledBlocks(
        model.block,
        parts,
        everyone if model.fallback == "ensemble" and everyone else [last],
        classes=np.asarray(model.classes_) if hasattr(model, "classes_") else None,
        has_probabilities=hasattr(model, "predict_proba"),
    )
