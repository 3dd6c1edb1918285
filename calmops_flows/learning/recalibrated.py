"""A frozen model whose answers are corrected by a rising function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from calmops_flows.learning.corrections import Correction


class RecalibratedClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # no types there
    """Correct the probabilities of a frozen classifier.

    Parameters
    ----------
    model : estimator
        Fitted; it is never changed.
    correction : Correction
        Fitted; it keeps the order of rows (two classes) or of classes (more).

    Attributes
    ----------
    classes_ : ndarray
        Those of the model.
    """

    def __init__(self, model: Any, correction: Correction) -> None:
        self.model = model
        self.correction = correction

    @property
    def classes_(self) -> NDArray[Any]:
        """The classes of the model."""
        return np.asarray(self.model.classes_)

    def predict_proba(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Return the corrected probabilities.

        Parameters
        ----------
        X : pandas.DataFrame of shape (n, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n, n_classes)
            Each row sums to 1.
        """
        return self.correction.apply(np.asarray(self.model.predict_proba(X), dtype=np.float64))

    def predict(self, X: pd.DataFrame) -> NDArray[Any]:
        """Return the most probable class of each row.

        Parameters
        ----------
        X : pandas.DataFrame of shape (n, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n,)
            Labels.
        """
        answer: NDArray[Any] = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return answer


class RecalibratedRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]  # no types there
    """Correct the predictions of a frozen regressor.

    Parameters
    ----------
    model : estimator
        Fitted; it is never changed.
    correction : Correction
        Fitted; it rises with the prediction.
    """

    def __init__(self, model: Any, correction: Correction) -> None:
        self.model = model
        self.correction = correction

    def predict(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Return the corrected predictions.

        Parameters
        ----------
        X : pandas.DataFrame of shape (n, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n,)
            In the unit of the target.
        """
        return self.correction.apply(np.asarray(self.model.predict(X), dtype=np.float64))


def uncorrected(model: Any) -> Any:
    """Return the model under its correction, or the model itself if it has none."""
    return (
        model.model if isinstance(model, RecalibratedClassifier | RecalibratedRegressor) else model
    )
