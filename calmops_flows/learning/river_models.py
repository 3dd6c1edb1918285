"""River's models behind scikit-learn's interface, for any labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from river.base import Classifier, Regressor
from river.compat import River2SKLClassifier, River2SKLRegressor
from sklearn.utils import ClassifierTags, RegressorTags, Tags

from calmops_flows.errors import SpecError

if TYPE_CHECKING:
    from numpy.typing import NDArray


class RiverClassifier(River2SKLClassifier):
    """River's own adapter, which looks for text labels among the codes 0 and 1 and finds none.

    Parameters
    ----------
    river_estimator : river.base.Classifier
        Learns row by row.
    """

    def __sklearn_tags__(self) -> Tags:
        """Say that this is a classifier; river's order of base classes hides it."""
        tags = super().__sklearn_tags__()
        tags.estimator_type, tags.classifier_tags = "classifier", ClassifierTags()
        return tags

    def predict_proba(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probabilities of the classes.

        Parameters
        ----------
        X : ndarray of shape (n, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n, n_classes)
            Each row sums to 1; equal shares where the model has no opinion.
        """
        keys = [False, True] if hasattr(self, "label_encoder_") else list(self.classes_)
        names = range(X.shape[1])
        said = [self.instance_.predict_proba_one(dict(zip(names, row, strict=True))) for row in X]
        found = np.array([[chances.get(key, 0.0) for key in keys] for chances in said])
        total = found.sum(axis=1, keepdims=True)
        shares = found / np.where(total > 0.0, total, 1.0)
        return np.where(total > 0.0, shares, 1.0 / len(keys))

    def predict(self, X: NDArray[np.float64]) -> NDArray[Any]:
        """Return the most probable class of each row.

        Parameters
        ----------
        X : ndarray of shape (n, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n,)
            Labels.
        """
        answer: NDArray[Any] = np.asarray(self.classes_)[self.predict_proba(X).argmax(axis=1)]
        return answer


class RiverRegressor(River2SKLRegressor):
    """River's own adapter, known to scikit-learn as a regressor.

    Parameters
    ----------
    river_estimator : river.base.Regressor
        Learns row by row.
    """

    def __sklearn_tags__(self) -> Tags:
        """Say that this is a regressor; river's order of base classes hides it."""
        tags = super().__sklearn_tags__()
        tags.estimator_type, tags.regressor_tags = "regressor", RegressorTags()
        return tags


def adapted(model: Any) -> RiverClassifier | RiverRegressor:
    """Put a river model behind scikit-learn's interface.

    Parameters
    ----------
    model : river.base.Classifier or river.base.Regressor
        Untaught.

    Returns
    -------
    RiverClassifier or RiverRegressor
        Unfitted.

    Raises
    ------
    SpecError
        If it is neither.
    """
    if isinstance(model, Classifier):
        return RiverClassifier(model)
    if isinstance(model, Regressor):
        return RiverRegressor(model)
    raise SpecError(
        f"model.class {type(model).__name__!r} of river is neither a classifier nor a regressor"
    )
