"""Direct loss estimation of regressors, without labels: a model of the errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from calmops_flows.evaluation.case import Floats
from calmops_flows.evaluation.estimation.base import (
    MIN_CALIBRATION_ROWS,
    Estimated,
    PerformanceEstimate,
    untestable,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

_N_HALVES = 30
_N_TREES = 2  # on each half
_LEAF_ROWS = 15
_MAX_CALIBRATION_ROWS = 20_000
_MAX_CURRENT_ROWS = 20_000
_MAX_FEATURES = 300  # more are not worth a regression; the rows then count alike
_RIDGE = 5.0
_NEWTON_STEPS = 6
_LARGEST_ODDS = 3.0  # a holdout row counts at most 20 times, at least a 20th
_LEAST = 1e-3
ESTIMATED = ("mae", "mse", "rmse")


def estimate_regression(
    X_holdout: Any,
    truth: Floats,
    predicted: Floats,
    X_current: Any,
    predicted_current: Floats,
    *,
    rng: np.random.Generator,
) -> PerformanceEstimate:
    """Estimate a regressor's MAE, MSE and RMSE on rows without labels [1]_.

    Bagged trees learn the errors from the features and the prediction on the holdout; the estimate
    is the mean of their leaves over the current rows, plus the mean out-of-bag residual of the
    holdout rows weighted as the current rows lie (by a logistic regression of current against
    holdout), which takes off the trees' smoothing [3]_. Error bars are 2.24 standard errors: of the
    current rows (from the spread of out-of-bag relative errors), and the larger one of the weighted
    residuals and of the trees (each pair of trees sees one half of the holdout, and halves vary as
    much as samples do [2]_).

    Parameters
    ----------
    X_holdout, X_current : array-like of shape (n, n_features)
        Encoded features of the rows that judged the model, and of the current ones.
    truth, predicted : ndarray of shape (n,)
        Of the holdout rows.
    predicted_current : ndarray of shape (m,)
        Of the current rows.
    rng : numpy.random.Generator
        Source of the halves and resamples.

    Returns
    -------
    PerformanceEstimate
        Untestable below 200 holdout rows. It assumes that P(y|x) has not changed.

    References
    ----------
    .. [1] NannyML documentation, "Direct Loss Estimation (DLE)", How it works.
    .. [2] J. Sexton, P. Laake, "Standard errors for bagged and random forest estimators",
       Computational Statistics & Data Analysis 53, 2009, section 3 (little bags).
    .. [3] J. M. Robins, A. Rotnitzky, L. P. Zhao, "Estimation of regression coefficients when some
       regressors are not always observed", JASA 89, 1994 (augmented inverse weighting).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X, X_new = rng.random((600, 1)), 0.5 + rng.random((600, 1)) / 2
    >>> y = X[:, 0] + rng.normal(0, 0.1 + X[:, 0])
    >>> found = estimate_regression(X, y, X[:, 0], X_new, X_new[:, 0], rng=rng)
    >>> mae = found.metrics["mae"]
    >>> mae.lower < 0.68 < mae.upper  # (0.1 + 0.75) * sqrt(2 / pi)
    True
    """
    n, n_calibration = len(predicted_current), len(truth)
    is_finite = np.isfinite(truth) & np.isfinite(predicted)
    rows = np.flatnonzero(is_finite)
    reason = None
    if len(rows) < MIN_CALIBRATION_ROWS:
        reason = f"needs {MIN_CALIBRATION_ROWS} calibration rows, found {len(rows)}"
    elif n == 0:
        reason = "there are no rows"
    elif not np.isfinite(predicted_current).all():
        reason = "some predictions are not finite"
    if reason is not None:
        return untestable("direct_loss", n, n_calibration, ESTIMATED, reason)
    if len(rows) > _MAX_CALIBRATION_ROWS:
        rows = rng.permutation(rows)[:_MAX_CALIBRATION_ROWS]
    chosen = np.arange(n)
    if n > _MAX_CURRENT_ROWS:
        chosen = rng.permutation(n)[:_MAX_CURRENT_ROWS]
    X = np.column_stack([_dense(X_holdout)[rows], predicted[rows]])
    X_new = np.column_stack([_dense(X_current)[chosen], predicted_current[chosen]])
    gaps: Floats = np.abs(truth[rows] - predicted[rows])
    losses = np.column_stack([gaps, gaps**2])
    values, errors = _mean_losses(X, losses, X_new, n, rng)
    root = float(np.sqrt(values[1]))
    of_root = float(errors[1]) / (2.0 * root) if root > 0 else 0.0
    found: dict[str, Estimated | None] = {
        "mae": Estimated.around(float(values[0]), float(errors[0]), least=0.0),
        "mse": Estimated.around(float(values[1]), float(errors[1]), least=0.0),
        "rmse": Estimated.around(root, of_root, least=0.0),
    }
    return PerformanceEstimate("direct_loss", n, n_calibration, found)


def _mean_losses(
    X: Floats, losses: Floats, X_new: Floats, n_new: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Return mean losses over the current rows and their standard errors, shape (2,) each."""
    n = len(X)
    of_halves = np.empty((_N_HALVES, _N_TREES, 2))
    by_row = np.zeros((len(X_new), 2))
    out_of_bag, times_out = np.zeros((n, 2)), np.zeros(n)
    for half in range(_N_HALVES):
        inside = rng.permutation(n)[: n // 2]
        is_out = np.ones(n, dtype=bool)
        is_out[inside] = False
        for tree in range(_N_TREES):
            resampled = rng.choice(inside, len(inside))
            known, new = _leaf_means(X, losses, X_new, resampled)
            out_of_bag[is_out] += known[is_out]
            times_out += is_out
            by_row += new
            of_halves[half, tree] = new.mean(axis=0)
    within = of_halves.var(axis=1, ddof=1).mean(axis=0) / _N_TREES
    of_trees = np.maximum(of_halves.mean(axis=1).var(axis=0, ddof=1) - within, 0.0)
    floor = np.maximum(_LEAST * losses.mean(axis=0), 1e-300)
    expected = np.maximum(out_of_bag / np.maximum(times_out, 1.0)[:, None], floor)
    by_row /= _N_HALVES * _N_TREES
    weights = _shift_weights(X, X_new)
    residuals = losses - expected
    centred = residuals - weights @ residuals
    of_model = np.maximum(of_trees, weights**2 @ centred**2)
    share = np.mean((losses / expected - 1.0) ** 2, axis=0)
    of_rows = share * np.mean(by_row**2, axis=0) / n_new
    of_rows += by_row.var(axis=0) * (1 / len(X_new) - 1 / n_new)
    values: Floats = np.maximum(by_row.mean(axis=0) + weights @ residuals, 0.0)
    errors: Floats = np.sqrt(of_model + of_rows)
    return values, errors


def _shift_weights(X: Floats, X_new: Floats) -> Floats:
    """Weigh the holdout rows as the current ones lie; the weights sum to 1 and are bounded."""
    from scipy.special import expit

    n, n_features = X.shape
    both = np.vstack([X, X_new])
    spread = both.std(axis=0)
    kept = np.isfinite(spread) & (spread > 0)
    if not kept.any() or n_features > _MAX_FEATURES:
        return np.full(n, 1.0 / n)
    design = np.column_stack(
        [(both - both.mean(axis=0))[:, kept] / spread[kept], np.ones(len(both))]
    )
    is_new = np.repeat([0.0, 1.0], [n, len(X_new)])
    share = np.where(is_new > 0, 0.5 / len(X_new), 0.5 / n) * len(both)
    penalty = np.diag(np.full(design.shape[1], _RIDGE))
    beta = np.zeros(design.shape[1])
    for _ in range(_NEWTON_STEPS):
        fitted = expit(design @ beta)
        slope = design.T @ (share * (is_new - fitted)) - penalty @ beta
        bend = (design.T * (share * fitted * (1 - fitted))) @ design + penalty
        beta = beta + np.linalg.solve(bend, slope)
    odds = np.exp(np.clip(design[:n] @ beta, -_LARGEST_ODDS, _LARGEST_ODDS))
    weights: Floats = odds / odds.sum()
    return weights


def _leaf_means(
    X: Floats, losses: Floats, X_new: Floats, resampled: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Grow one tree by the absolute errors; return both losses' leaf means for all rows."""
    from sklearn.tree import DecisionTreeRegressor

    tree = DecisionTreeRegressor(min_samples_leaf=_LEAF_ROWS, random_state=0)
    tree.fit(X[resampled], losses[resampled, 0])
    leaf = tree.apply(X[resampled])
    size = tree.tree_.node_count
    rows = np.maximum(np.bincount(leaf, minlength=size), 1)
    means = np.column_stack(
        [np.bincount(leaf, weights=column[resampled], minlength=size) / rows for column in losses.T]
    )
    return means[tree.apply(X)], means[tree.apply(X_new)]


def _dense(X: Any) -> Floats:
    dense: Floats = np.asarray(X.toarray() if hasattr(X, "toarray") else X, dtype=np.float64)
    return dense
