"""What is kept of the rows that judged a model: its score there, corrected for selection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from calmops_flows.errors import UntestableError
from calmops_flows.evaluation.case import Case, Floats
from calmops_flows.evaluation.influence import influence, spread
from calmops_flows.evaluation.metrics import Metric, Task, find_metric

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from calmops_flows.evaluation.predictions import Predictions

_TINY = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Holdout:
    """Truth and predictions of the rows that judged a model.

    Parameters
    ----------
    task : {"classification", "regression"}
        What was predicted.
    truth : ndarray of shape (n,)
        True labels or numbers.
    predictions : Predictions
        Of the judged model.
    rival : Predictions or None
        Of the model that it was compared with, on the same rows.
    metric : str or None
        Metric of that comparison.
    cut : float or None
        The difference had to exceed this for the model to be accepted; None if nothing had.
    """

    task: Task
    truth: NDArray[Any]
    predictions: Predictions
    rival: Predictions | None = None
    metric: str | None = None
    cut: float | None = None


@dataclass(frozen=True, slots=True)
class HoldoutScore:
    """A model's score on its holdout.

    Attributes
    ----------
    metric : str
        Which metric.
    score, raw : float
        With and without the correction for selection.
    error : float
        Standard error.
    freedom : float
        Degrees of freedom of the standard error.
    n_rows : int
        Rows of the holdout.
    """

    metric: str
    score: float
    raw: float
    error: float
    freedom: float
    n_rows: int


def holdout_score(holdout: Holdout, metric: str) -> HoldoutScore:
    """Score a model on its holdout, corrected for having been chosen there.

    A challenger was accepted because its estimated gain D over the champion exceeded a cut c, so
    its score S on the same rows is optimistic (the winner's curse). With D normal around the true
    gain d with standard error s, E[D | D > c] = d + s·m((c - d)/s), where m is the inverse Mills
    ratio. The conditional estimate solves this for d given D [1]_. It overshoots near the cut, so
    it goes no lower than 0 (or the cut, if that is lower): over true gains of 0 to 4 s at a 95 %
    cut that leaves a bias within -0.4 and 0.6 s, where D itself has up to 2.1 s. The score falls
    by the regression of S on D: S - cov(S, D)/s² · (D - d), with the covariance from the rows'
    influences. Without a rival or a cut nothing was selected, and S stays.

    Parameters
    ----------
    holdout : Holdout
        What was kept of the rows.
    metric : str
        Metric to score, which need not be that of the comparison.

    Returns
    -------
    HoldoutScore
        With its standard error.

    Raises
    ------
    UntestableError
        If the metric is undefined on the holdout.
    SpecError
        If it is unknown or of the other task.

    References
    ----------
    .. [1] H. Zhong, R. L. Prentice, "Bias-reduced estimators and confidence intervals for odds
       ratios in genome-wide association studies", Biostatistics 9, 2008.

    Examples
    --------
    >>> from calmops_flows.evaluation import Predictions
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(0, 2, 400)
    >>> first, second = (Predictions(np.where(rng.random(400) < 0.2, 1 - y, y)) for _ in "ab")
    >>> found = holdout_score(Holdout("classification", y, first, second, "accuracy", -0.02),
    ...                       "accuracy")
    >>> found.score < found.raw
    True
    """
    chosen = find_metric(metric, holdout.task)
    case = Case(holdout.truth, holdout.predictions)
    raw = chosen.score(case)
    by_row = influence(chosen, case)
    found = spread(by_row)
    error = max(found.error, _least_error(chosen, raw, len(by_row)))
    score = raw - _optimism(holdout, by_row)
    return HoldoutScore(chosen.name, score, raw, error, found.freedom, len(by_row))


def _least_error(metric: Metric, value: float, n: int) -> float:
    """Return a floor for the standard error of a share that is all but 0 or 1 [1]_.

    References
    ----------
    .. [1] A. Agresti, B. A. Coull, "Approximate is better than exact for interval estimation of
       binomial proportions", The American Statistician 52, 1998.
    """
    if not metric.bounded or not 0.0 <= value <= 1.0 or 0.02 < value < 0.98:
        return 0.0
    share = (n * value + 2.0) / (n + 4.0)
    return float(np.sqrt(share * (1.0 - share) / (n + 4.0)))


def _optimism(holdout: Holdout, by_row: Floats) -> float:
    if holdout.rival is None or holdout.metric is None or holdout.cut is None:
        return 0.0
    compared = find_metric(holdout.metric, holdout.task)
    cases = Case(holdout.truth, holdout.predictions), Case(holdout.truth, holdout.rival)
    try:
        gain = compared.score(cases[0]) - compared.score(cases[1])
        gains = influence(compared, cases[0]) - influence(compared, cases[1])
        error = spread(gains).error
    except UntestableError:
        return 0.0  # then no comparison can have chosen the model
    if error <= _TINY:
        return 0.0
    sign = -1.0 if compared.is_loss else 1.0
    excess = sign * gain - shrunken_gain(sign * gain, error, holdout.cut)
    n = len(by_row)
    covariance = sign * float(by_row @ gains) / (n * (n - 1))
    return covariance / error**2 * excess


def shrunken_gain(gain: float, error: float, cut: float) -> float:
    """Return a gain corrected for having been reported only because it exceeded a cut.

    Parameters
    ----------
    gain, error : float
        Estimate and its standard error.
    cut : float
        What it had to exceed.

    Returns
    -------
    float
        At most ``gain``; see `holdout_score`.

    Examples
    --------
    >>> [round(shrunken_gain(gain, 0.01, 0.0165), 4) for gain in (0.10, 0.03, 0.017)]
    [0.1, 0.0275, 0.0]
    """
    if gain <= cut:
        return gain
    return max(_conditional_gain(gain, error, cut), min(0.0, cut))


def _conditional_gain(gain: float, error: float, cut: float) -> float:
    """Solve E[D | D > cut] = gain for the mean of D, which rises with it."""
    low, high = gain - 20.0 * error, gain
    for _ in range(60):
        middle = (low + high) / 2.0
        if middle + error * _inverse_mills((cut - middle) / error) > gain:
            high = middle
        else:
            low = middle
    return (low + high) / 2.0


def _inverse_mills(z: float) -> float:
    """Return the mean of a standard normal variable above z."""
    from scipy.special import log_ndtr

    return float(np.exp(-0.5 * z * z - 0.5 * np.log(2.0 * np.pi) - log_ndtr(-z)))
