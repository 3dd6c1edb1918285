"""Calibration of class probabilities: isotonic for many rows, sigmoid for few."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calmops_flows.evaluation.case import Codes, Floats

MIN_ISOTONIC_ROWS = 1_000  # below, a step function follows the noise
_CLIP = 1e-3  # a forest's 0 and 1 would otherwise bend the sigmoid
_NEWTON_STEPS = 25


@dataclass(frozen=True, slots=True)
class Curve:
    """A rising map from scores to probabilities.

    Parameters
    ----------
    slope, intercept : float
        Of the log odds, for a sigmoid.
    knots, values : ndarray of shape (n_knots,) or None
        Points between which an isotonic curve is linear.
    """

    slope: float = 1.0
    intercept: float = 0.0
    knots: Floats | None = None
    values: Floats | None = None

    def __call__(self, scores: Floats) -> Floats:
        """Return the calibrated probability of each score."""
        if self.knots is not None and self.values is not None:
            stepped: Floats = np.interp(scores, self.knots, self.values)
            return stepped
        odds = self.slope * log_odds(scores) + self.intercept
        return _expit(odds)


def fit_curve(scores: Floats, hits: Floats, *, method: str | None = None) -> Curve:
    """Fit a calibration curve.

    Parameters
    ----------
    scores : ndarray of shape (n,)
        The model's probabilities of one class.
    hits : ndarray of shape (n,)
        1.0 where the class is true.
    method : {"sigmoid", "isotonic"}, optional
        Default: isotonic from 1,000 rows on, else sigmoid.

    Returns
    -------
    Curve
        Sigmoid: logistic regression on the log odds with Platt's targets [1]_. Isotonic: least
        squares under monotony by pool-adjacent-violators [2]_.

    References
    ----------
    .. [1] J. Platt, "Probabilistic outputs for support vector machines", 1999, section 2.2.
    .. [2] B. Zadrozny, C. Elkan, "Transforming classifier scores into accurate multiclass
       probability estimates", KDD 2002.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.random(800)
    >>> hits = (rng.random(800) < truth).astype(float)
    >>> timid = 0.25 + truth / 2
    >>> fit_curve(timid, hits)(np.array([0.3, 0.7])).round(1).tolist()
    [0.1, 0.9]
    """
    if method is None:
        method = "isotonic" if len(scores) >= MIN_ISOTONIC_ROWS else "sigmoid"
    if method == "isotonic":
        return _isotonic(scores, hits)
    return _sigmoid(scores, hits)


def fit_curves(probabilities: Floats, truth: Codes, *, method: str | None = None) -> list[Curve]:
    """Fit one curve per class against the rest; of two classes only the second one's."""
    columns = [1] if probabilities.shape[1] == 2 else range(probabilities.shape[1])
    return [
        fit_curve(probabilities[:, k], (truth == k).astype(float), method=method) for k in columns
    ]


def calibrated(curves: list[Curve], probabilities: Floats) -> Floats:
    """Apply curves to class probabilities, shape (n, n_classes); rows sum to 1."""
    if probabilities.shape[1] == 2:
        positive = curves[0](probabilities[:, 1])
        return np.column_stack([1.0 - positive, positive])
    mapped = np.column_stack([c(probabilities[:, k]) for k, c in enumerate(curves)])
    total = mapped.sum(axis=1, keepdims=True)
    shares: Floats = np.where(total > 0, mapped / np.where(total > 0, total, 1.0), probabilities)
    return shares


def log_odds(scores: Floats) -> Floats:
    """Return the log odds of probabilities, kept finite."""
    kept = np.clip(scores, _CLIP, 1.0 - _CLIP)
    odds: Floats = np.log(kept) - np.log1p(-kept)
    return odds


def _expit(odds: Floats) -> Floats:
    from scipy.special import expit

    probabilities: Floats = expit(odds)
    return probabilities


def _isotonic(scores: Floats, hits: Floats) -> Curve:
    from scipy.optimize import isotonic_regression

    knots, place = np.unique(scores, return_inverse=True)
    weights = np.bincount(place).astype(float)
    means = np.bincount(place, weights=hits) / weights
    return Curve(knots=knots, values=isotonic_regression(means, weights=weights).x)


def _sigmoid(scores: Floats, hits: Floats) -> Curve:
    """Fit by Newton's method; the targets stay off 0 and 1 by the number of rows."""
    n_hits = float(hits.sum())
    n_misses = len(hits) - n_hits
    targets = np.where(hits > 0, (n_hits + 1) / (n_hits + 2), 1 / (n_misses + 2))
    odds = log_odds(scores)
    X = np.column_stack([odds, np.ones(len(odds))])
    start = float(log_odds(np.array([targets.mean()]))[0])
    weights = np.array([0.0, start])
    ridge = np.diag([1e-6, 1e-6])  # constant scores leave the slope open
    for _ in range(_NEWTON_STEPS):
        fitted = _expit(X @ weights)
        slack = (fitted * (1.0 - fitted))[:, None]
        step = np.linalg.solve(X.T @ (X * slack) + ridge, X.T @ (targets - fitted))
        weights = weights + np.clip(step, -5.0, 5.0)
        if np.abs(step).max() < 1e-8:
            break
    return Curve(slope=max(float(weights[0]), 0.0), intercept=float(weights[1]))
