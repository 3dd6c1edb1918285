"""Two models under a third that knows when to listen to which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from calmops_flows.learning.scores import log_scores, probabilities

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


def evidence(
    old: NDArray[np.float64], new: NDArray[np.float64], newness: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """Put together what the meta-learner sees.

    Parameters
    ----------
    old, new : ndarray of shape (n, n_answers)
        Answers of the two models.
    newness : ndarray of shape (n,) or None
        How probable it is that the row comes from the new data.

    Returns
    -------
    ndarray of shape (n, 2 * n_answers) or (n, 4 * n_answers)
        The answers, and each once more, weighted by the share of its model's region.
    """
    if newness is None:
        return np.hstack([old, new])
    share = newness[:, None]
    return np.hstack([old, new, (1.0 - share) * old, share * new])


class _Stacked(BaseEstimator):  # type: ignore[misc]  # no types there
    """What both kinds have: parts, and how deep they are nested."""

    def __init__(self, old: Any, new: Any, meta: Any, gate: Any = None) -> None:
        self.old = old
        self.new = new
        self.meta = meta
        self.gate = gate

    @property
    def depth(self) -> int:
        """Number of models on the way to the oldest."""
        return 1 + (self.old.depth if isinstance(self.old, _Stacked) else 1)

    def _newness(self, X: pd.DataFrame) -> NDArray[np.float64] | None:
        if self.gate is None:
            return None
        return np.asarray(self.gate.predict_proba(X)[:, 1], dtype=np.float64)


class StackedClassifier(ClassifierMixin, _Stacked):  # type: ignore[misc]  # no types there
    """A frozen and a new classifier under a logistic regression.

    Parameters
    ----------
    old, new : estimator
        Fitted classifiers over the same columns.
    meta : estimator
        Fitted on `evidence` of both models' log-probabilities.
    gate : estimator, optional
        Fitted; tells new rows (class 1) from old ones.

    Attributes
    ----------
    classes_ : ndarray
        Those of the meta-learner.
    """

    @property
    def classes_(self) -> NDArray[Any]:
        """The classes that can be predicted."""
        return np.asarray(self.meta.classes_)

    def predict_proba(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Return the probabilities of the classes.

        Parameters
        ----------
        X : pandas.DataFrame of shape (n, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n, n_classes)
            Each row sums to 1.
        """
        old, new = (class_evidence(model, X, self.classes_) for model in (self.old, self.new))
        found = self.meta.predict_proba(evidence(old, new, self._newness(X)))
        return np.asarray(found, dtype=np.float64)

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


class StackedRegressor(RegressorMixin, _Stacked):  # type: ignore[misc]  # no types there
    """A frozen and a new regressor under a linear model.

    Parameters
    ----------
    old, new : estimator
        Fitted regressors over the same columns.
    meta : estimator
        Fitted on `evidence` of both models' predictions.
    gate : estimator, optional
        Fitted; tells new rows (class 1) from old ones.
    """

    def predict(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Return the predictions.

        Parameters
        ----------
        X : pandas.DataFrame of shape (n, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n,)
            In the unit of the target.
        """
        old, new = (number_evidence(model, X) for model in (self.old, self.new))
        return np.asarray(self.meta.predict(evidence(old, new, self._newness(X))))


def class_evidence(model: Any, X: pd.DataFrame, classes: NDArray[Any]) -> NDArray[np.float64]:
    """Return what a classifier says of each class, as centred log-probabilities."""
    return log_scores(probabilities(model, X, classes.tolist()))


def number_evidence(model: Any, X: pd.DataFrame) -> NDArray[np.float64]:
    """Return what a regressor says, as one column."""
    return np.asarray(model.predict(X), dtype=np.float64)[:, None]
