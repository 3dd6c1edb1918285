"""Estimators that hold one model per block over a global one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from calmops_flows.learning.parts import Blockwise

if TYPE_CHECKING:
    from numpy.typing import NDArray


class BlockwiseClassifier(ClassifierMixin, Blockwise):  # type: ignore[misc]  # no types there
    """One classifier per block over a global one.

    Parameters
    ----------
    estimator : classifier, optional
        What is fitted for each block and for all of them, on the columns besides the block's;
        default: a random forest.
    block : str or int, optional
        Block column: its name in a DataFrame, or its position in an array. Ids are taken as
        text: 1, 1.0 and "1" are the same block. Default: there are no blocks.
    fallback : {"global", "ensemble"}, default "global"
        Who answers for a block without a model: the global one, or all others together.
    min_rows : int, default 1
        Rows that a block needs for a model of its own; it also needs two classes.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels that any of the models knows, sorted.
    parts_ : dict of str to classifier
        Fitted model by block id, in natural order.
    global_ : classifier
        Fitted on the rows of all blocks.
    skipped_ : dict of str to str
        Why a block got no model of its own when it was last fitted.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> import pandas as pd
    >>> X = pd.DataFrame({"block": ["a", "a", "b", "b"], "x": [0, 1, 0, 1]})
    >>> tree = DecisionTreeClassifier(random_state=0)
    >>> model = BlockwiseClassifier(tree, block="block").fit(X, [0, 1, 1, 0])
    >>> model.predict(X).tolist()
    [0, 1, 1, 0]
    """

    def _model(self) -> Any:
        if self.estimator is not None:
            return self.estimator
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier()

    def _cannot_learn(self, y: NDArray[Any]) -> str | None:
        if (y == y[0]).all():
            return f"its {len(y)} rows are of one class"
        return super()._cannot_learn(y)

    def _validated(self, X: Any, y: Any, *, reset: bool) -> tuple[Any, NDArray[Any]]:
        X, y = super()._validated(X, y, reset=reset)
        check_classification_targets(y)
        return X, y

    def _set(
        self,
        parts: Mapping[str, Any],
        global_: Any,
        skipped: Mapping[str, str],
        y: NDArray[Any] | None,
    ) -> None:
        super()._set(parts, global_, skipped, y)
        labels = [np.asarray(model.classes_) for model in (global_, *parts.values())]
        self.classes_ = np.unique(np.concatenate(labels))

    def predict(self, X: Any) -> NDArray[Any]:
        """Predict the label of each row by its block's model.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n, n_columns)
            With the block column.

        Returns
        -------
        ndarray of shape (n,)
            Labels.
        """
        check_is_fitted(self, "global_")
        X = self._columns(X, reset=False)
        codes = np.empty(X.shape[0], dtype=np.intp)
        for models, rows, mine in self._answers(X):
            if len(models) == 1:
                codes[rows] = np.searchsorted(self.classes_, models[0].predict(mine))
            else:
                codes[rows] = self._shares(models, mine).argmax(axis=1)
        labels: NDArray[Any] = self.classes_[codes]
        return labels

    @available_if(lambda self: hasattr(self._model(), "predict_proba"))  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Predict the probability of each class; 0 for those that a model does not know.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n, n_columns)
            With the block column.

        Returns
        -------
        ndarray of shape (n, n_classes)
            In the order of ``classes_``.
        """
        check_is_fitted(self, "global_")
        X = self._columns(X, reset=False)
        shares = np.empty((X.shape[0], len(self.classes_)))
        for models, rows, mine in self._answers(X):
            shares[rows] = self._shares(models, mine)
        return shares

    def _shares(self, models: list[Any], X: Any) -> NDArray[np.float64]:
        """Return the mean probabilities; a model without any is sure of what it says."""
        n = X.shape[0]
        shares = np.zeros((n, len(self.classes_)))
        for model in models:
            if hasattr(model, "predict_proba"):
                places = np.searchsorted(self.classes_, model.classes_)
                shares[:, places] += model.predict_proba(X)
            else:
                said = np.searchsorted(self.classes_, model.predict(X))
                shares[np.arange(n), said] += 1.0
        return shares / len(models)


class BlockwiseRegressor(RegressorMixin, Blockwise):  # type: ignore[misc]  # no types there
    """One regressor per block over a global one.

    Parameters
    ----------
    estimator : regressor, optional
        What is fitted for each block and for all of them, on the columns besides the block's;
        default: a random forest.
    block : str or int, optional
        Block column: its name in a DataFrame, or its position in an array. Ids are taken as
        text: 1, 1.0 and "1" are the same block. Default: there are no blocks.
    fallback : {"global", "ensemble"}, default "global"
        Who answers for a block without a model: the global one, or the mean of all others.
    min_rows : int, default 1
        Rows that a block needs for a model of its own.

    Attributes
    ----------
    parts_ : dict of str to regressor
        Fitted model by block id, in natural order.
    global_ : regressor
        Fitted on the rows of all blocks.
    skipped_ : dict of str to str
        Why a block got no model of its own when it was last fitted.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> import pandas as pd
    >>> X = pd.DataFrame({"block": ["a", "a", "b", "b"], "x": [0, 1, 0, 1]})
    >>> model = BlockwiseRegressor(LinearRegression(), block="block").fit(X, [0, 1, 5, 4])
    >>> model.predict(X).round().tolist()
    [0.0, 1.0, 5.0, 4.0]
    """

    def _model(self) -> Any:
        if self.estimator is not None:
            return self.estimator
        from sklearn.ensemble import RandomForestRegressor

        return RandomForestRegressor()

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Predict each row by its block's model.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n, n_columns)
            With the block column.

        Returns
        -------
        ndarray of shape (n,)
            Values.
        """
        check_is_fitted(self, "global_")
        X = self._columns(X, reset=False)
        values = np.empty(X.shape[0])
        for models, rows, mine in self._answers(X):
            values[rows] = np.mean([model.predict(mine) for model in models], axis=0)
        return values
