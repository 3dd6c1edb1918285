"""Whether a model can tell generated rows from real ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from calmops_flows.generators.quality.samples import Samples
    from calmops_flows.generators.synthesis.columns import Floats

ITERATIONS = 25
FOLDS = 5


@dataclass(frozen=True, slots=True)
class Propensity:
    """Mean squared error of propensity scores.

    Parameters
    ----------
    pmse : float
        Mean squared distance of the scores from the share of generated rows.
    standardised : float
        The same over its expectation for rows drawn from the true model of the real ones, which
        are held fixed: about 1 is perfect. As many rows of another sample have about 2.
    """

    pmse: float
    standardised: float


def propensity(samples: Samples) -> Propensity:
    """Score rows by a logistic model of all columns [1]_.

    Parameters
    ----------
    samples : Samples
        Real and generated rows.

    Returns
    -------
    Propensity
        Error and standardised error; the expectation is
        ``(k - 1) (1 - c)^2 c / N`` with `k` parameters and the share `c` of generated rows.

    References
    ----------
    .. [1] Snoke, Raab, Nowok, Dibben and Slavkovic, "General and specific utility measures for
       synthetic data", *Journal of the Royal Statistical Society A* 181 (2018), 663-688.
    """
    real, new = samples.features()[:2]
    X = np.vstack([real, new])
    X = np.column_stack([np.ones(len(X)), X[:, X.std(axis=0) > 0]])
    y = np.repeat([0.0, 1.0], [len(real), len(new)])
    share = float(y.mean())
    pmse = float(np.mean((_scores(X, y) - share) ** 2))
    expected = (np.linalg.matrix_rank(X) - 1) * (1 - share) ** 2 * share / len(y)
    return Propensity(pmse, pmse / expected if expected else 1.0)


def _scores(X: Floats, y: Floats) -> Floats:
    """Return logistic scores by Newton's method; a trace of a ridge keeps them finite."""
    weights = np.zeros(X.shape[1])
    ridge = 1e-6 * len(y) * np.eye(X.shape[1])
    scores = np.full(len(y), 0.5)
    for _ in range(ITERATIONS):
        slope = X.T @ (y - scores) - ridge @ weights
        curve = (X * (scores * (1 - scores))[:, None]).T @ X + ridge
        step = np.linalg.solve(curve, slope)
        weights = weights + step
        scores = 1 / (1 + np.exp(-np.clip(X @ weights, -30, 30)))
        if np.abs(step).max() < 1e-8:
            break
    return scores


def detection_auc(samples: Samples, rng: np.random.Generator) -> float:
    """Return how well boosted trees tell generated rows from real ones, out of fold.

    Half is chance. Below it the generated rows lie so close to single real ones that a model
    which learnt a real row takes its neighbour for real as well.

    Parameters
    ----------
    samples : Samples
        Real and generated rows.
    rng : numpy.random.Generator
        Decides the folds.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from threadpoolctl import threadpool_limits

    X = np.vstack(samples.parts[:2])
    y = np.repeat([0, 1], [len(samples.parts[0]), len(samples.parts[1])])
    seed = int(rng.integers(2**31))
    model = HistGradientBoostingClassifier(max_iter=60, random_state=seed)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    with threadpool_limits(limits=1):  # threads that wait for a busy core cost more than they give
        scores = cross_val_predict(model, X, y, cv=folds, method="predict_proba")[:, 1]
    return float(roc_auc_score(y, scores))
