"""A case to judge: the truth beside one model's predictions, and labels as codes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from calmops_flows.errors import ModelError, UntestableError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from calmops_flows.evaluation.predictions import Predictions

Codes = NDArray[np.intp]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """The truth and what one model said about it; derived parts are kept.

    Parameters
    ----------
    truth : ndarray of shape (n,)
        True labels or numbers, none missing.
    predictions : Predictions
        Of the same rows.

    Raises
    ------
    ModelError
        If the lengths differ.
    """

    truth: NDArray[Any]
    predictions: Predictions

    def __post_init__(self) -> None:
        if len(self.truth) != len(self.predictions):
            raise ModelError(
                f"{len(self.truth)} true values beside {len(self.predictions)} predictions"
            )

    @cached_property
    def coded(self) -> tuple[Codes, Codes, int]:
        """True codes, predicted codes, and number of labels seen or known."""
        known = self.predictions.classes or ()
        (truth, predicted), n_labels = encode([self.truth, self.predictions.values], known)
        return truth, predicted, n_labels

    @cached_property
    def true_columns(self) -> Codes:
        """Column of ``probabilities`` for each row's true class; -1 if unknown to the model."""
        classes = self.predictions.classes or ()
        known = label_array(classes)
        (truth, columns), n_labels = encode([self.truth, known], ())
        lookup = np.full(n_labels, -1, dtype=np.intp)
        lookup[columns] = np.arange(len(classes))
        return lookup[truth]

    @cached_property
    def numbers(self) -> tuple[Floats, Floats]:
        """True and predicted numbers, all finite.

        Raises
        ------
        UntestableError
            If one is not finite.
        """
        truth = np.asarray(self.truth, dtype=np.float64)
        predicted = np.asarray(self.predictions.values, dtype=np.float64)
        for name, values in (("true", truth), ("predicted", predicted)):
            n_odd = int(np.count_nonzero(~np.isfinite(values)))
            if n_odd:
                raise UntestableError(f"{n_odd} of {len(values)} {name} values are not finite")
        return truth, predicted

    @property
    def probabilities(self) -> Floats:
        """Class probabilities, all finite.

        Raises
        ------
        UntestableError
            If the model gives none, or some are not finite.
        """
        if self.predictions.probabilities is None:
            raise UntestableError("the model gives no probabilities")
        if not np.isfinite(self.predictions.probabilities).all():
            raise UntestableError("some probabilities are not finite")
        return self.predictions.probabilities


def encode(columns: list[NDArray[Any]], known: Iterable[Any]) -> tuple[list[Codes], int]:
    """Code several label columns by one sorted set of labels.

    Parameters
    ----------
    columns : list of ndarray of shape (n_i,)
        Labels of one kind: numbers (also bool) or texts.
    known : iterable
        Further labels that belong to the set.

    Returns
    -------
    codes : list of ndarray of shape (n_i,)
        Rank of each label.
    n_labels : int
        Size of the set.

    Raises
    ------
    ModelError
        If the columns mix numbers and texts, or a label is missing.
    """
    import pandas as pd

    parts = [*columns, label_array(known)]
    kinds = {"text" if p.dtype.kind in "OUS" else "number" for p in parts if len(p)}
    if len(kinds) > 1:
        raise ModelError("true and predicted labels are of different types: numbers and texts")
    joined = np.concatenate([p for p in parts if len(p)] or parts)
    try:
        codes, labels = pd.factorize(
            joined.astype(object) if kinds == {"text"} else joined, sort=True
        )
    except TypeError as err:
        raise ModelError("labels of one column must all be of one type") from err
    if (codes < 0).any():
        raise ModelError("labels must not be missing")
    ends = np.cumsum([len(part) for part in parts])[:-1]
    return list(np.split(codes, ends))[: len(columns)], len(labels)


def label_array(labels: Iterable[Any]) -> NDArray[Any]:
    """Return labels as an array in which texts are objects."""
    array = np.asarray(list(labels))
    return array.astype(object) if array.dtype.kind in "US" else array
