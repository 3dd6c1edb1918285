"""What estimators with one model per block share: fitted parts, and who answers for which rows."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils import assert_all_finite, column_or_1d, get_tags
from sklearn.utils.validation import check_is_fitted, validate_data

from calmops_flows.data.source import natural_key
from calmops_flows.errors import ModelError, SpecError
from calmops_flows.learning.block_rows import block_ids, groups, ordered, take

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

GLOBAL = ""  # the global model among the parts: no block has an empty id
_FALLBACKS = ("global", "ensemble")


class Blockwise(BaseEstimator):  # type: ignore[misc]  # no types there
    """What both estimators share: the parts, and who answers for which rows."""

    def __init__(
        self,
        estimator: Any = None,
        *,
        block: str | int | None = None,
        fallback: Literal["global", "ensemble"] = "global",
        min_rows: int = 1,
    ) -> None:
        self.estimator = estimator
        self.block = block
        self.fallback = fallback
        self.min_rows = min_rows

    def fit(self, X: Any, y: Any) -> Self:
        """Fit the global model on all rows, and one per block on its own.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n, n_columns)
            With the block column. Rows without an id teach the global model only.
        y : array-like of shape (n,)
            Target.

        Returns
        -------
        Self
            The fitted estimator.

        Raises
        ------
        ModelError
            If the block column is not there.
        SpecError
            If a parameter is out of range.
        """
        self._check()
        X, y = self._validated(X, y, reset=True)
        ids, rest = self._split(X)
        fitted = clone(self._model()).fit(rest, y)
        parts, skipped = self._fit_parts(ids, rest, y, None)
        self._set(parts, fitted, skipped, y)
        return self

    def update(
        self,
        X: Any,
        y: Any,
        blocks: Collection[object] | None = None,
        *,
        refit_global: bool = False,
    ) -> Self:
        """Fit the models of some blocks again, and leave all others as they are.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n, n_columns)
            With the block column.
        y : array-like of shape (n,)
            Target.
        blocks : collection, optional
            Ids of the blocks to fit, known or new; default: those in X.
        refit_global : bool, default False
            Fit the global model on all rows of X. Without a block column it always is.

        Returns
        -------
        Self
            This estimator, changed. A block that cannot be fitted keeps its model.

        Raises
        ------
        ModelError
            If a named block has no row in X.
        """
        check_is_fitted(self, "global_")
        self._check()
        X, y = self._validated(X, y, reset=False)
        ids, rest = self._split(X)
        parts, skipped = self._fit_parts(ids, rest, y, blocks)
        fitted = self.global_
        if refit_global or self.block is None:
            fitted = clone(self._model()).fit(rest, y)
        before = {block: why for block, why in self.skipped_.items() if block not in parts}
        self._set({**self.parts_, **parts}, fitted, {**before, **skipped}, y)
        return self

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
        Self
            This estimator, fitted.
        """
        skipped = {block: why for block, why in self._skipped().items() if block not in parts}
        self._set(parts, global_, skipped, None)
        return self

    def split_parts(self) -> tuple[Self, dict[str, Any]]:
        """Take the estimator apart, so that each part can be kept by itself.

        Returns
        -------
        shell : Self
            A copy without its fitted models.
        parts : dict of str to estimator
            By block id, the global model under the empty id.
        """
        check_is_fitted(self, "global_")
        shell = copy.copy(self)
        del shell.parts_, shell.global_
        return shell, {GLOBAL: self.global_, **self.parts_}

    def join_parts(self, parts: Mapping[str, Any]) -> Self:
        """Put together what `split_parts` took apart.

        Parameters
        ----------
        parts : mapping of str to estimator
            By block id, the global model under the empty id.

        Returns
        -------
        Self
            A fitted copy of this shell.

        Raises
        ------
        ModelError
            If the global model is missing.
        """
        if GLOBAL not in parts:
            raise ModelError(f"the global model is not among the {len(parts)} parts")
        whole = copy.copy(self)
        whole.parts_ = ordered({block: part for block, part in parts.items() if block != GLOBAL})
        whole.global_ = parts[GLOBAL]
        return whole

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        if self.estimator is None or hasattr(self.estimator, "__sklearn_tags__"):
            tags.input_tags = get_tags(self._model()).input_tags
        return tags

    def _model(self) -> Any:
        raise NotImplementedError

    def _cannot_learn(self, y: NDArray[Any]) -> str | None:
        """Say why a block gets no model of its own; None: it gets one."""
        return f"{len(y)} rows, fewer than {self.min_rows}" if len(y) < self.min_rows else None

    def _set(
        self,
        parts: Mapping[str, Any],
        global_: Any,
        skipped: Mapping[str, str],
        y: NDArray[Any] | None,  # noqa: ARG002 - for classes
    ) -> None:
        self.parts_, self.global_, self.skipped_ = ordered(parts), global_, ordered(skipped)

    def _skipped(self) -> dict[str, str]:
        return getattr(self, "skipped_", {})

    def _fit_parts(
        self, ids: NDArray[Any], rest: Any, y: NDArray[Any], blocks: Collection[object] | None
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """Fit one model for each of the blocks, and say which could not be."""
        wanted = None if blocks is None else set(block_ids(np.array([*blocks, None], object)))
        found = {block: rows for block, rows in groups(ids) if block is not None}
        if wanted is not None:
            missing = sorted(wanted - {None} - set(found), key=natural_key)
            if missing:
                raise ModelError(f"no row of the blocks {missing[:10]} is among the {len(y)} given")
        parts, skipped = {}, {}
        for block, rows in found.items():
            if wanted is not None and block not in wanted:
                continue
            why = self._cannot_learn(y[rows])
            if why is None:
                parts[block] = clone(self._model()).fit(take(rest, rows), y[rows])
            else:
                skipped[block] = why
        return parts, skipped

    def _check(self) -> None:
        if self.fallback not in _FALLBACKS:
            raise SpecError(f"fallback must be one of {_FALLBACKS}, got {self.fallback!r}")
        if self.min_rows < 1:
            raise SpecError(f"min_rows must be at least 1, got {self.min_rows!r}")

    def _validated(self, X: Any, y: Any, *, reset: bool) -> tuple[Any, NDArray[Any]]:
        if y is None:
            name = type(self).__name__
            raise ModelError(f"{name} requires y to be passed, but the target y is None")
        X = self._columns(X, reset=reset)
        y = column_or_1d(y, warn=True)
        assert_all_finite(y, input_name="y")
        if X.shape[0] != len(y):
            raise ModelError(f"X has {X.shape[0]} rows, but y has {len(y)}")
        return X, y

    def _columns(self, X: Any, *, reset: bool) -> Any:
        """Check names and number of the columns; the values are for the models to check."""
        if not hasattr(X, "shape"):
            X = np.asarray(X)
        if len(X.shape) != 2:
            raise ModelError(f"expected rows of columns, got shape {X.shape}. Reshape your data")
        if reset or hasattr(self, "n_features_in_"):  # not where fitted parts were taken over
            validate_data(self, X, reset=reset, skip_check_array=True)
        return X

    def _split(self, X: Any) -> tuple[NDArray[Any], Any]:
        """Take the block ids out of the rows; None for rows without one."""
        if self.block is None:
            return np.full(X.shape[0], None, dtype=object), X
        if hasattr(X, "columns"):
            if self.block in X.columns:
                return block_ids(X[self.block]), X.drop(columns=self.block)
        elif isinstance(self.block, int) and self.block < X.shape[1]:
            return block_ids(X[:, self.block]), np.delete(X, self.block, axis=1)
        raise ModelError(f"there is no block column {self.block!r} in X of shape {X.shape}")

    def _answers(self, X: Any) -> Iterator[tuple[list[Any], NDArray[np.intp], Any]]:
        """Give the models that answer for some rows, the rows' numbers, and the rows."""
        ids, rest = self._split(X)
        everyone = list(self.parts_.values())
        fallback = everyone if self.fallback == "ensemble" and everyone else [self.global_]
        known = np.array([block if block in self.parts_ else None for block in ids], dtype=object)
        if len(known) == 0 or all(block is None for block in known):
            yield fallback, np.arange(len(ids)), rest
            return
        for block, rows in groups(known):
            models = fallback if block is None else [self.parts_[block]]
            yield models, rows, take(rest, rows)
