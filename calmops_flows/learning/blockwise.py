"""Estimators that hold one model per block over a global one."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.utils.validation import check_is_fitted

from calmops_flows.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

GLOBAL = ""  # the global model among the parts: no block has an empty id


class _Blockwise(BaseEstimator):  # type: ignore[misc]  # no types there
    """What both estimators share: the parts, and who answers for which rows."""

    def __init__(
        self,
        estimator: Any,
        *,
        block: str = "block",
        fallback: Literal["global", "ensemble"] = "global",
    ) -> None:
        self.estimator = estimator
        self.block = block
        self.fallback = fallback

    def fit(self, X: pd.DataFrame, y: Any) -> Self:
        """Fit the global model on all rows, and one per block on its own.

        Parameters
        ----------
        X : pandas.DataFrame of shape (n, n_columns)
            With the block column, whose values become text.
        y : array-like of shape (n,)
            Target. A block with one class gets no model of its own.

        Returns
        -------
        self
            Fitted.

        Raises
        ------
        ModelError
            If the block column is not there.
        """
        y = np.asarray(y)
        ids, rest = self._split(X)
        if ids is None:
            raise ModelError(f"there is no block column {self.block!r} to fit by")
        parts = {}
        for block in dict.fromkeys(ids):
            mine = ids == block
            if self._can_learn(y[mine]):
                parts[block] = clone(self.estimator).fit(rest[mine], y[mine])
        return self.with_parts(parts, clone(self.estimator).fit(rest, y))

    def with_parts(self, parts: Mapping[str, Any], global_: Any) -> Self:
        """Take fitted models as they are.

        Parameters
        ----------
        parts : mapping of str to estimator
            Fitted model by block id.
        global_ : estimator
            Fitted on rows of all blocks.

        Returns
        -------
        self
            With these parts.
        """
        self.parts_ = dict(sorted(parts.items()))
        self.global_ = global_
        return self

    def split_parts(self) -> tuple[Self, dict[str, Any]]:
        """Take the model apart, so that each part can be kept by itself.

        Returns
        -------
        shell : estimator
            The model without its parts.
        parts : dict of str to estimator
            By block id, the global model under the empty id.
        """
        shell = copy.copy(self)
        del shell.parts_, shell.global_
        return shell, {GLOBAL: self.global_, **self.parts_}

    def join_parts(self, parts: Mapping[str, Any]) -> Self:
        """Take back the parts that `split_parts` gave.

        Parameters
        ----------
        parts : mapping of str to estimator
            By block id, the global model under the empty id.

        Returns
        -------
        self
            With these parts.
        """
        rest = {block: part for block, part in parts.items() if block != GLOBAL}
        return self.with_parts(rest, parts[GLOBAL])

    def _can_learn(self, y: NDArray[Any]) -> bool:
        return len(y) > 0

    def _split(self, X: pd.DataFrame) -> tuple[NDArray[Any] | None, pd.DataFrame]:
        """Take the block ids out of a frame; None when it has none."""
        if not hasattr(X, "columns"):
            raise ModelError(f"expected a DataFrame with named columns, got {type(X).__name__}")
        if self.block not in X.columns:
            return None, X
        return X[self.block].astype(str).to_numpy(dtype=object), X.drop(columns=self.block)

    def _answering(self, X: pd.DataFrame) -> Iterator[tuple[list[Any], Any, pd.DataFrame]]:
        """Give the models that answer for some rows, the rows' positions, and the rows."""
        check_is_fitted(self, "global_")
        ids, rest = self._split(X)
        everyone = list(self.parts_.values())
        fallback = everyone if self.fallback == "ensemble" and everyone else [self.global_]
        codes = np.full(len(rest), -1)
        if ids is not None:
            codes = pd.Index(list(self.parts_), dtype=object).get_indexer(
                pd.Index(ids, dtype=object)
            )
        for code in np.unique(codes):
            rows = np.flatnonzero(codes == code)
            models = fallback if code < 0 else [everyone[code]]
            yield models, rows, rest.iloc[rows]


class BlockwiseClassifier(ClassifierMixin, _Blockwise):  # type: ignore[misc]  # no types there
    """One classifier per block over a global one.

    Parameters
    ----------
    estimator : classifier
        What is fitted for each block and for all of them, on the columns besides the block's.
    block : str, default "block"
        Name of the block column.
    fallback : {"global", "ensemble"}, default "global"
        Who answers for a block without a model: the global one, or all others together.

    Attributes
    ----------
    parts_ : dict of str to classifier
        Fitted model by block id.
    global_ : classifier
        Fitted on the rows of all blocks.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> X = pd.DataFrame({"block": ["a", "a", "b", "b"], "x": [0, 1, 0, 1]})
    >>> model = BlockwiseClassifier(DecisionTreeClassifier(random_state=0)).fit(X, [0, 1, 1, 0])
    >>> model.predict(X).tolist()
    [0, 1, 1, 0]
    """

    @property
    def classes_(self) -> NDArray[Any]:
        """Classes that any of the models knows, sorted."""
        models = [self.global_, *self.parts_.values()]
        known: NDArray[Any] = np.unique(np.concatenate([model.classes_ for model in models]))
        return known

    def _can_learn(self, y: NDArray[Any]) -> bool:
        return len(np.unique(y)) > 1

    def predict(self, X: pd.DataFrame) -> NDArray[Any]:
        """Return the most probable class of each row."""
        said: NDArray[Any] = self.classes_[self._shares(X).argmax(axis=1)]
        return said

    def predict_proba(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Return the probability of each class, in the order of ``classes_``.

        A model that gives no probabilities counts as sure of what it predicts.
        """
        return self._shares(X)

    def _shares(self, X: pd.DataFrame) -> NDArray[np.float64]:
        classes = self.classes_
        shares = np.zeros((len(X), len(classes)))
        for models, rows, mine in self._answering(X):
            for model in models:
                if hasattr(model, "predict_proba"):
                    places = np.searchsorted(classes, model.classes_)
                    shares[np.ix_(rows, places)] += model.predict_proba(mine) / len(models)
                else:
                    said = np.searchsorted(classes, model.predict(mine))
                    shares[rows, said] += 1 / len(models)
        return shares


class BlockwiseRegressor(RegressorMixin, _Blockwise):  # type: ignore[misc]  # no types there
    """One regressor per block over a global one.

    Parameters
    ----------
    estimator : regressor
        What is fitted for each block and for all of them, on the columns besides the block's.
    block : str, default "block"
        Name of the block column.
    fallback : {"global", "ensemble"}, default "global"
        Who answers for a block without a model: the global one, or the mean of all others.

    Attributes
    ----------
    parts_ : dict of str to regressor
        Fitted model by block id.
    global_ : regressor
        Fitted on the rows of all blocks.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> X = pd.DataFrame({"block": ["a", "a", "b", "b"], "x": [0, 1, 0, 1]})
    >>> model = BlockwiseRegressor(LinearRegression()).fit(X, [0, 1, 5, 4])
    >>> model.predict(X).round().tolist()
    [0.0, 1.0, 5.0, 4.0]
    """

    def predict(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Return the prediction of each row."""
        values = np.zeros(len(X))
        for models, rows, mine in self._answering(X):
            values[rows] = np.mean([model.predict(mine) for model in models], axis=0)
        return values
