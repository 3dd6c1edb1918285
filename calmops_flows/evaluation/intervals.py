"""Error bars of scores on a snapshot, from the influence of its rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from calmops_flows.errors import UntestableError
from calmops_flows.evaluation.case import Case
from calmops_flows.evaluation.influence import influence, spread
from calmops_flows.evaluation.metrics import METRICS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from calmops_flows.evaluation.predictions import Predictions
    from calmops_flows.records import Evaluation

CONFIDENCE = 0.95
MOST_ROWS = 20_000


def with_bounds(
    evaluation: Evaluation, truth: NDArray[Any], predictions: Predictions
) -> Evaluation:
    """Add 95 % intervals to scores; the rows are taken as independent.

    Parameters
    ----------
    evaluation : Evaluation
        Scores of the predictions.
    truth : ndarray of shape (n,)
        True labels or numbers.
    predictions : Predictions
        Of the same rows. Of more than 20,000 an even part gives the standard error.

    Returns
    -------
    Evaluation
        With bounds where a standard error is known.

    Examples
    --------
    >>> from calmops_flows.evaluation import Predictions, evaluate
    >>> y = np.tile([0, 1], 200)
    >>> said = Predictions(np.where(np.arange(400) % 5 == 0, 1 - y, y))
    >>> scores = evaluate("classification", y, said, names=["accuracy"])
    >>> tuple(round(bound, 3) for bound in with_bounds(scores, y, said).bounds["accuracy"])
    (0.76, 0.84)
    """
    from scipy.special import stdtrit

    n = len(truth)
    step = max(1, -(-n // MOST_ROWS))
    case = Case(truth[::step], predictions.take(np.arange(0, n, step)))
    bounds: dict[str, tuple[float, float]] = {}
    for name, value in evaluation.metrics.items():
        if value is None:
            continue
        try:
            found = spread(influence(METRICS[name], case))
        except UntestableError:
            continue
        error = found.error * np.sqrt(len(case.truth) / n)
        reach = float(stdtrit(found.freedom, (1.0 + CONFIDENCE) / 2.0) * error)
        bounds[name] = _within_scale(name, value - reach, value + reach)
    return replace(evaluation, bounds=bounds)


def _within_scale(name: str, lower: float, upper: float) -> tuple[float, float]:
    """Cut an interval at the ends of a metric's scale."""
    if not METRICS[name].bounded:
        return lower, upper
    least = -1.0 if name == "mcc" else 0.0
    return (lower if name == "r2" else max(lower, least)), min(upper, 1.0)
