"""Rising functions that bring probabilities and predictions closer to what happens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit, log_softmax, logit, softmax

from calmops_flows.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

ISOTONIC_ROWS = 1_000
_LEAST = 1e-9
_SMOOTH = 0.05  # share of the smooth curve in the stepwise one: no ties, and never 0 or 1
_HOTTEST = 5.0  # largest logarithm of a temperature


class Correction(Protocol):
    """A fitted correction."""

    def apply(self, answers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Correct probabilities of shape (n, n_classes), or predictions of shape (n,)."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A line, and above it a rising staircase of which it is a small part.

    Parameters
    ----------
    slope, intercept : float
        The line; the slope is positive.
    x, y : ndarray of shape (n_knots,), optional
        Knots of the isotonic regression, both rising.
    """

    slope: float
    intercept: float
    x: NDArray[np.float64] | None = None
    y: NDArray[np.float64] | None = None

    def line(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the line at some values."""
        return self.intercept + self.slope * values

    def bent(self, smooth: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mix the smooth curve with the staircase at the same values."""
        if self.x is None or self.y is None:
            return smooth
        return _SMOOTH * smooth + (1.0 - _SMOOTH) * np.interp(values, self.x, self.y)


@dataclass(frozen=True, slots=True)
class BinaryCorrection:
    """Correct the probability of the second of two classes by its log-odds."""

    curve: Curve

    def apply(self, answers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return probabilities of shape (n, 2)."""
        odds = _log_odds(answers)
        second = self.curve.bent(expit(self.curve.line(odds)), odds)
        return np.column_stack([1.0 - second, second])


@dataclass(frozen=True, slots=True)
class Temperature:
    """Divide the log-probabilities of three or more classes by one number."""

    temperature: float

    def apply(self, answers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return probabilities of shape (n, n_classes)."""
        logs = np.log(np.clip(answers, _LEAST, 1.0))
        return np.asarray(softmax(logs / self.temperature, axis=1), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Regression:
    """Correct a number."""

    curve: Curve

    def apply(self, answers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return numbers of shape (n,)."""
        return self.curve.bent(self.curve.line(answers), answers)


def fit_probabilities(answers: NDArray[np.float64], codes: NDArray[np.intp]) -> Correction:
    """Fit a correction of probabilities.

    Two classes: a logistic curve of the log-odds [1]_, from `ISOTONIC_ROWS` rows on mostly an
    isotonic one [2]_; either rises strictly, so that no pair of rows changes its order. More
    classes: one temperature [3]_, so that no pair of classes changes its order in any row.

    Parameters
    ----------
    answers : ndarray of shape (n, n_classes)
        Probabilities.
    codes : ndarray of shape (n,)
        True class of each row, as the column of ``answers``.

    Returns
    -------
    Correction
        Fitted.

    Raises
    ------
    ModelError
        If the truth does not rise with the probabilities: no correction keeps their order then.

    References
    ----------
    .. [1] Platt, J. (1999). Probabilistic outputs for support vector machines. Advances in Large
       Margin Classifiers, 61-74.
    .. [2] Zadrozny, B. and Elkan, C. (2002). Transforming classifier scores into accurate
       multiclass probability estimates. KDD, 694-699.
    .. [3] Guo, C. et al. (2017). On calibration of modern neural networks. ICML, 1321-1330.
    """
    if answers.shape[1] > 2:
        return Temperature(_temperature(answers, codes))
    odds = _log_odds(answers)
    slope, intercept = _platt(odds, codes == 1)
    _check_rises(slope)
    return BinaryCorrection(Curve(slope, intercept, *_staircase(odds, (codes == 1).astype(float))))


def fit_numbers(answers: NDArray[np.float64], y: NDArray[np.float64]) -> Correction:
    """Fit a correction of numbers: a line, from `ISOTONIC_ROWS` rows on mostly isotonic.

    Parameters
    ----------
    answers, y : ndarray of shape (n,)
        Predictions and truth.

    Returns
    -------
    Correction
        Fitted.

    Raises
    ------
    ModelError
        If the truth does not rise with the predictions.
    """
    spread = float(np.var(answers))
    slope = float(np.mean((answers - answers.mean()) * (y - y.mean()))) / spread if spread else 0.0
    _check_rises(slope)
    intercept = float(y.mean() - slope * answers.mean())
    return Regression(Curve(slope, intercept, *_staircase(answers, y)))


def _check_rises(slope: float) -> None:
    if not slope > 0.0:
        raise ModelError(
            "the target does not rise with the champion's answers, so no recalibration can "
            "repair them; choose another retrain.mode"
        )


def _log_odds(answers: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(logit(np.clip(answers[:, 1], _LEAST, 1.0 - _LEAST)), dtype=np.float64)


def _platt(odds: NDArray[np.float64], is_second: NDArray[np.bool_]) -> tuple[float, float]:
    """Fit slope and intercept by likelihood, with Platt's smoothed targets."""
    n_second = int(is_second.sum())
    n_first = len(is_second) - n_second
    target = np.where(is_second, (n_second + 1.0) / (n_second + 2.0), 1.0 / (n_first + 2.0))

    def loss(line: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        z = line[0] * odds + line[1]
        wrong = expit(z) - target
        value = float(np.mean(np.logaddexp(0.0, z) - target * z))
        return value, np.array([np.mean(wrong * odds), np.mean(wrong)])

    found = minimize(loss, np.array([1.0, 0.0]), jac=True, method="BFGS")
    return float(found.x[0]), float(found.x[1])


def _temperature(answers: NDArray[np.float64], codes: NDArray[np.intp]) -> float:
    logs = np.log(np.clip(answers, _LEAST, 1.0))
    rows = np.arange(len(codes))

    def loss(log_temperature: float) -> float:
        scaled = logs / np.exp(log_temperature)
        return -float(log_softmax(scaled, axis=1)[rows, codes].mean())

    found = minimize_scalar(loss, bounds=(-_HOTTEST, _HOTTEST), method="bounded")
    return float(np.exp(found.x))


def _staircase(x: NDArray[np.float64], y: NDArray[Any]) -> tuple[Any, Any]:
    """Return the knots of the isotonic regression, (None, None) for few rows."""
    if len(x) < ISOTONIC_ROWS:
        return None, None
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(out_of_bounds="clip").fit(x, y)
    return fitted.X_thresholds_, fitted.y_thresholds_
