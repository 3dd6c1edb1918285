"""Adjustment of p-values over a family of tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Correction = Callable[..., NDArray[np.float64]]


def holm(
    p_values: NDArray[np.float64], weights: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Adjust p-values so that any false alarm has at most the stated chance [1]_ [2]_.

    Parameters
    ----------
    p_values : ndarray of shape (n_tests,)
        Valid p-values, under any dependence.
    weights : ndarray of shape (n_tests,), optional
        Positive shares of the error rate, chosen before the data; default equal.

    Returns
    -------
    ndarray of shape (n_tests,)
        Adjusted p-values, in the same order.

    References
    ----------
    .. [1] S. Holm, A simple sequentially rejective multiple test procedure,
       Scandinavian Journal of Statistics 6, 1979, 65-70.
    .. [2] Y. Benjamini and Y. Hochberg, Multiple hypotheses testing with weights,
       Scandinavian Journal of Statistics 24, 1997, 407-418.

    Examples
    --------
    >>> import numpy as np
    >>> holm(np.array([0.01, 0.04, 0.03])).round(2)
    array([0.03, 0.06, 0.06])
    """
    weights = np.ones(len(p_values)) if weights is None else weights
    ratios = p_values / weights
    order = np.argsort(ratios, kind="stable")
    steps = ratios[order] * np.cumsum(weights[order][::-1])[::-1]
    return _restore(np.minimum(np.maximum.accumulate(steps), 1.0), order)


def benjamini_hochberg(
    p_values: NDArray[np.float64], weights: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Adjust p-values so that the share of false alarms among alarms is bounded [1]_ [2]_.

    Parameters
    ----------
    p_values : ndarray of shape (n_tests,)
        Valid p-values, independent or positively dependent.
    weights : ndarray of shape (n_tests,), optional
        Positive shares of the error rate, chosen before the data; default equal.

    Returns
    -------
    ndarray of shape (n_tests,)
        Adjusted p-values, in the same order.

    References
    ----------
    .. [1] Y. Benjamini and Y. Hochberg, Controlling the false discovery rate,
       Journal of the Royal Statistical Society B 57, 1995, 289-300.
    .. [2] C. R. Genovese, K. Roeder and L. Wasserman, False discovery control with
       p-value weighting, Biometrika 93, 2006, 509-524.

    Examples
    --------
    >>> import numpy as np
    >>> benjamini_hochberg(np.array([0.01, 0.04, 0.03])).round(2)
    array([0.03, 0.04, 0.04])
    """
    size = len(p_values)
    weights = np.ones(size) if weights is None else weights * (size / weights.sum())
    ratios = p_values / weights
    order = np.argsort(ratios, kind="stable")[::-1]
    steps = ratios[order] * (size / np.arange(size, 0, -1))
    return _restore(np.minimum(np.minimum.accumulate(steps), 1.0), order)


def _restore(values: NDArray[np.float64], order: NDArray[np.intp]) -> NDArray[np.float64]:
    out = np.empty_like(values)
    out[order] = values
    return out


CORRECTIONS: Mapping[str, Correction] = {
    "holm": holm,
    "bh": benjamini_hochberg,
}
