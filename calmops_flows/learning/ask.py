"""Labels and probabilities of a fitted model, asked for once where one tells the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Said = tuple[NDArray[Any], NDArray[np.float64] | None]

# Their predict() is the argmax of predict_proba(); asking once halves the cost.
_ARGMAX = ("sklearn.ensemble._forest", "sklearn.tree")


def ask(model: Any, X: Any, classes: Any) -> Said:
    """Ask a fitted model for labels or numbers, and for probabilities where it has any.

    Parameters
    ----------
    model : estimator
        Fitted.
    X : array-like of shape (n, n_features)
        Rows as it was fitted on.
    classes : array-like or None
        Labels it knows, None for a regressor.

    Returns
    -------
    values : ndarray of shape (n,)
        Labels or numbers.
    probabilities : ndarray of shape (n, n_classes) or None
        In the order of `classes`.
    """
    if not hasattr(model, "predict_proba"):
        return np.asarray(model.predict(X)), None
    probabilities = np.asarray(model.predict_proba(X), dtype=np.float64)
    if type(model).__module__.startswith(_ARGMAX):
        return np.asarray(classes)[probabilities.argmax(axis=1)], probabilities
    return np.asarray(model.predict(X)), probabilities
