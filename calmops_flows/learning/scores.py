"""How sure a model is of each class, on one scale for all models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

LEAST = 1e-6  # a probability of 0 says no more than one in a million
_CERTAIN = 0.9  # what a bare label is taken for


def probabilities(model: Any, X: Any, classes: Sequence[Any]) -> NDArray[np.float64]:
    """Return the probabilities of some classes, as a model gives or implies them.

    Parameters
    ----------
    model : estimator
        Fitted classifier: its ``predict_proba``, else a logistic function of its
        ``decision_function``, else its labels.
    X : frame of shape (n, n_features)
        Rows.
    classes : sequence of length n_classes
        Classes; those that the model does not know get `LEAST`, its others are left out.

    Returns
    -------
    ndarray of shape (n, n_classes)
        Positive, each row sums to 1.
    """
    own = np.asarray(model.classes_).tolist() if hasattr(model, "classes_") else list(classes)
    found = np.full((len(X), len(classes)), LEAST)
    places = [list(classes).index(label) for label in own if label in classes]
    found[:, places] = _of_own(model, X, own)[:, [label in classes for label in own]]
    found = np.clip(found, LEAST, 1.0)
    result: NDArray[np.float64] = found / found.sum(axis=1, keepdims=True)
    return result


def log_scores(chances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return log-probabilities with mean 0 in each row: half the log-odds for two classes."""
    logs = np.log(chances)
    result: NDArray[np.float64] = logs - logs.mean(axis=1, keepdims=True)
    return result


def _of_own(model: Any, X: Any, own: list[Any]) -> NDArray[np.float64]:
    if hasattr(model, "predict_proba"):
        return np.asarray(model.predict_proba(X), dtype=np.float64)
    if hasattr(model, "decision_function"):
        margin = np.asarray(model.decision_function(X), dtype=np.float64)
        if margin.ndim == 1:
            margin = np.column_stack([-margin, margin]) / 2.0
        powers = np.exp(margin - margin.max(axis=1, keepdims=True))
        shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
        return shares
    labels = np.asarray(model.predict(X))
    is_said = labels[:, None] == np.asarray(own)[None, :]
    rest = (1.0 - _CERTAIN) / max(1, len(own) - 1)
    return np.where(is_said, _CERTAIN, rest)
