"""Metrics that are functions of means over rows: losses of probabilities and of numbers.

A `rows` function gives one or more numbers per row, shape (n, m); a `combine` function turns their
means, shape (..., m), into the metric, shape (...).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from calmops_flows.errors import UntestableError

if TYPE_CHECKING:
    from calmops_flows.evaluation.case import Case, Floats

_EPS = float(np.finfo(np.float64).eps)


def identity(means: Floats) -> Floats:
    """Return the mean itself."""
    return means[..., 0]


def root(means: Floats) -> Floats:
    """Return the square root of the mean."""
    result: Floats = np.sqrt(means[..., 0])
    return result


def determination(means: Floats) -> Floats:
    """Return R² from the means of squared error, centred target and its square."""
    spread = means[..., 2] - means[..., 1] ** 2
    share = np.full(spread.shape, np.nan)
    np.divide(means[..., 0], spread, out=share, where=spread > 0)
    return 1.0 - share


def absolute_error(case: Case) -> Floats:
    """Absolute errors."""
    truth, predicted = case.numbers
    errors: Floats = np.abs(truth - predicted)
    return errors[:, None]


def squared_error(case: Case) -> Floats:
    """Squared errors."""
    truth, predicted = case.numbers
    with np.errstate(over="ignore"):
        squares: Floats = (truth - predicted) ** 2
    return squares[:, None]


def relative_error(case: Case) -> Floats:
    """Absolute errors as shares of the true values, none of which may be 0."""
    truth, predicted = case.numbers
    n_zero = int(np.count_nonzero(truth == 0))
    if n_zero:
        raise UntestableError(f"{n_zero} of {len(truth)} true values are 0")
    with np.errstate(over="ignore"):
        shares: Floats = np.abs(truth - predicted) / np.abs(truth)
    return shares[:, None]


def error_and_spread(case: Case) -> Floats:
    """Squared error, centred target and its square."""
    truth, _ = case.numbers
    if len(truth) < 2 or truth.min() == truth.max():
        raise UntestableError("the target is constant")
    centred = truth - truth.mean()
    with np.errstate(over="ignore"):
        return np.column_stack([squared_error(case)[:, 0], centred, centred**2])


def negative_log_likelihood(case: Case) -> Floats:
    """Minus the log of the true class's probability, clipped as scikit-learn does.

    A class that the model does not know has probability 0, so it costs about 36 nats.
    """
    probabilities, columns = case.probabilities, case.true_columns
    given = probabilities[np.arange(len(columns)), columns]
    given = np.where(columns >= 0, given, 0.0)
    losses: Floats = -np.log(np.clip(given, _EPS, 1.0))
    return losses[:, None]


def squared_probability_error(case: Case) -> Floats:
    """Brier's score by row: summed over classes, halved for two (range 0 to 1)."""
    probabilities, columns = case.probabilities, case.true_columns
    is_known = columns >= 0
    residuals = probabilities.copy()
    residuals[np.flatnonzero(is_known), columns[is_known]] -= 1.0
    by_row: Floats = (residuals**2).sum(axis=1) + ~is_known
    if probabilities.shape[1] == 2:
        by_row /= 2
    return by_row[:, None]
