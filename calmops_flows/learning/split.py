"""Which rows of a snapshot train, and which judge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from calmops_flows.errors import TooFewRowsError
from calmops_flows.evaluation.comparison import MIN_ROWS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from calmops_flows.spec import EvaluationSpec

Rows = tuple["NDArray[np.intp]", "NDArray[np.intp]"]
_QUANTILES = 10


def split(
    n: int, evaluation: EvaluationSpec, y: NDArray[Any] | None, rng: np.random.Generator
) -> Rows:
    """Split n rows into a training and a holdout part.

    Parameters
    ----------
    n : int
        Rows.
    evaluation : EvaluationSpec
        Share of the holdout, and which rows: the last, random ones, or random ones in the
        proportions of the classes (of the target's tenths, if it has decimals). Where the
        share would hold too few rows of a class to judge by it, the holdout grows until there
        are enough, up to half of the rows; where half does not hold enough, it stays.
    y : ndarray of shape (n,) or None
        Target; only needed for the stratified split.
    rng : numpy.random.Generator
        Source of the random choice.

    Returns
    -------
    train : ndarray of int
        Row numbers that teach, rising; never empty.
    holdout : ndarray of int
        Row numbers that judge, rising; all others, never empty.

    Raises
    ------
    TooFewRowsError
        If there are fewer than two rows.

    Examples
    --------
    >>> from calmops_flows.spec import EvaluationSpec
    >>> rng = np.random.default_rng(0)
    >>> split(5, EvaluationSpec(holdout=0.4), None, rng)
    (array([0, 1, 2]), array([3, 4]))
    """
    if n < 2:
        raise TooFewRowsError(f"needs at least 2 labelled rows to train and judge, found {n}")
    n_holdout = min(n - 1, max(1, round(n * evaluation.holdout)))
    if y is not None and y.dtype.kind != "f":
        n_holdout = _grown(n_holdout, y, is_last=evaluation.split == "last")
    is_held = np.zeros(n, dtype=bool)
    if evaluation.split == "last":
        is_held[n - n_holdout :] = True
    elif evaluation.split == "stratified" and y is not None:
        is_held[_stratified(y, n_holdout, rng)] = True
    else:
        is_held[rng.permutation(n)[:n_holdout]] = True
    return np.flatnonzero(~is_held), np.flatnonzero(is_held)


def _grown(n_holdout: int, y: NDArray[Any], *, is_last: bool) -> int:
    """Return the least size that holds enough rows of each class, if half of the rows do."""
    codes = _strata(y)
    counts = np.bincount(codes)
    if is_last:
        backwards = codes[::-1]
        found = [np.flatnonzero(backwards == code) for code in range(len(counts))]
        enough = max(int(r[MIN_ROWS - 1]) + 1 if len(r) >= MIN_ROWS else len(y) for r in found)
    else:
        enough = int(np.ceil(MIN_ROWS * len(y) / counts.min()))
    return max(n_holdout, enough) if enough <= len(y) // 2 else n_holdout


def _stratified(y: NDArray[Any], n_holdout: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Draw systematically along the rows sorted by class, shuffled within.

    Rows that are the only one of their class train, where enough others remain.
    """
    codes = _strata(y)
    shuffled = rng.permutation(len(codes))
    ordered = shuffled[np.argsort(codes[shuffled], kind="stable")]
    is_single = np.bincount(codes)[codes[ordered]] == 1
    if np.count_nonzero(~is_single) > n_holdout:
        ordered = ordered[~is_single]
    picks = (np.arange(n_holdout) + rng.random()) * (len(ordered) / n_holdout)
    chosen: NDArray[np.intp] = ordered[np.minimum(picks.astype(np.intp), len(ordered) - 1)]
    return chosen


def _strata(y: NDArray[Any]) -> NDArray[np.intp]:
    if y.dtype.kind == "f":
        edges = np.quantile(y, np.linspace(0, 1, _QUANTILES + 1)[1:-1])
        tenths: NDArray[np.intp] = np.searchsorted(edges, y, side="right")
        return tenths
    codes: NDArray[np.intp] = np.unique(y, return_inverse=True)[1]
    return codes
