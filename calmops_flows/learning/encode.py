"""The encoder inside every model: mixed columns in, finite numbers out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from calmops_flows.learning.columns import MOMENT, NUMERIC, TEXT, feature_names

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from calmops_flows.learning.columns import ContractLike

LARGEST = 1e30  # trees compute in float32, and scikit-learn sums over all values there
MISSING = "(missing)"
OTHER = "(other)"
_MAX_LEVELS = 32
_MAX_LEVELS_TOGETHER = 8192


def finite(X: Any) -> NDArray[np.float64]:
    """Return numbers with infinities as NaN and the rest within float32's range.

    Examples
    --------
    >>> finite([[1.0, float("inf"), -1e300]])
    array([[ 1.e+00,     nan, -1.e+30]])
    """
    values = np.array(X, dtype=np.float64)
    values[np.isinf(values)] = np.nan
    return np.clip(values, -LARGEST, LARGEST, out=values)


def calendar(X: Any) -> NDArray[np.float64]:
    """Return year, month, day of week (Monday 0) and hour of each moment, NaN if missing.

    Parameters
    ----------
    X : frame or ndarray of shape (n, n_columns)
        Moments.

    Returns
    -------
    ndarray of shape (n, 4 * n_columns)
        Grouped by part: all years first.

    Examples
    --------
    >>> calendar(np.array([["2013-01-01T05"]], dtype="datetime64[us]")).tolist()
    [[2013.0, 1.0, 1.0, 5.0]]
    """
    moments = np.asarray(X, dtype="datetime64[us]")
    months = moments.astype("datetime64[M]").astype(np.int64)
    hours = moments.astype("datetime64[h]").astype(np.int64)
    years = 1970 + months // 12
    # 1 January 1970 was a Thursday.
    parts = np.hstack([years, 1 + months % 12, (hours // 24 + 3) % 7, hours % 24]).astype(float)
    parts[np.tile(np.isnat(moments), 4)] = np.nan
    return parts


class FrequentLevels(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # no types there
    """Keep the most frequent texts of each column and fold the others into one.

    It bounds width and size of a model, whatever the number of distinct texts. Missing texts are a
    level of their own; a text never seen is one of the others.

    Parameters
    ----------
    max_levels : int, default 32
        Levels kept for each column, the fold among them.

    Attributes
    ----------
    levels_ : list of ndarray
        Kept levels by column, sorted.

    Examples
    --------
    >>> frame = pd.DataFrame({"x": ["a", "a", "b", "c", None, None]}, dtype=object)
    >>> fitted = FrequentLevels(max_levels=3).fit(frame)
    >>> fitted.transform(frame).ravel().tolist()
    ['a', 'a', '(other)', '(other)', '(missing)', '(missing)']
    """

    def __init__(self, max_levels: int = _MAX_LEVELS) -> None:
        self.max_levels = max_levels

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:  # noqa: ARG002 - scikit-learn's form
        """Count the texts of each column.

        Parameters
        ----------
        X : pandas.DataFrame of shape (n, n_columns)
            Texts, None where missing.
        y : object
            Ignored.

        Returns
        -------
        Self
            The fitted transformer.
        """
        self.levels_ = [_frequent(X[name], self.max_levels) for name in X.columns]
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: pd.DataFrame) -> NDArray[Any]:
        """Replace the other texts.

        Parameters
        ----------
        X : pandas.DataFrame of shape (n, n_columns)
            Texts, None where missing.

        Returns
        -------
        ndarray of shape (n, n_columns)
            Texts, none missing.
        """
        result = np.empty(X.shape, dtype=object)
        for position, name in enumerate(X.columns):
            levels = self.levels_[position]
            codes = pd.Index(levels).get_indexer(pd.Index(_filled(X[name])))
            result[:, position] = np.append(levels, OTHER)[codes]
        return result


def _filled(column: pd.Series[Any]) -> NDArray[Any]:
    texts = column.to_numpy(dtype=object, copy=True)
    texts[pd.isna(texts)] = MISSING
    return texts


def _frequent(column: pd.Series[Any], max_levels: int) -> NDArray[Any]:
    levels: NDArray[Any]
    levels, counts = np.unique(_filled(column), return_counts=True)
    if len(levels) > max_levels:
        kept = np.argsort(-counts, kind="stable")[: max_levels - 1]
        levels = levels[np.sort(kept)]
    return levels


def build_encoder(
    contract: ContractLike, *, scale: bool, without: frozenset[str] = frozenset()
) -> ColumnTransformer:
    """Build the unfitted encoder of a contract's feature columns.

    Parameters
    ----------
    contract : ContractLike
        Columns and types.
    scale : bool
        Standardise numbers; trees do not need it.
    without : frozenset of str
        Types whose columns are left out.

    Returns
    -------
    sklearn.compose.ColumnTransformer
        Numbers: infinities as missing, median imputed. Texts: the most frequent levels, one-hot.
        Moments: parts of the calendar. Constant and all-missing columns stay, as constants.
    """
    numbers = feature_names(contract, NUMERIC - without)
    texts = feature_names(contract, TEXT - without)
    moments = feature_names(contract, MOMENT - without)
    max_levels = max(2, min(_MAX_LEVELS, _MAX_LEVELS_TOGETHER // max(1, len(texts))))
    parts = [
        ("number", _numeric(finite, scale=scale), numbers),
        ("text", _one_hot(max_levels), texts),
        ("moment", _numeric(calendar, scale=scale), moments),
    ]
    return ColumnTransformer([part for part in parts if part[2]], sparse_threshold=0.0)


def _numeric(function: Any, *, scale: bool) -> Pipeline:
    steps = [
        ("read", FunctionTransformer(function)),
        ("impute", SimpleImputer(strategy="median", keep_empty_features=True)),
    ]
    if scale:
        steps.append(("scale", StandardScaler()))
    return Pipeline(steps)


def _one_hot(max_levels: int) -> Pipeline:
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return Pipeline([("levels", FrequentLevels(max_levels)), ("one_hot", one_hot)])
