"""How much each row moves a metric: the base of standard errors without a bootstrap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from calmops_flows.errors import UntestableError
from calmops_flows.evaluation.confusion import Counts, Formula
from calmops_flows.evaluation.metrics import Metric, OfConfusion, OfRows
from calmops_flows.evaluation.pairs import gradient
from calmops_flows.evaluation.ranking import rankings

if TYPE_CHECKING:
    from calmops_flows.evaluation.case import Case, Floats

_FEWEST_EFFECTIVE = 2.0


@dataclass(frozen=True, slots=True)
class Spread:
    """Standard error of a mean of influences, and how many rows carry it."""

    error: float
    effective: float

    @property
    def freedom(self) -> float:
        """Degrees of freedom of its t quantile."""
        return max(self.effective, _FEWEST_EFFECTIVE) - 1.0


def influence(metric: Metric, case: Case) -> Floats:
    """Return the first-order effect of each row on n times the metric [1]_.

    Parameters
    ----------
    metric : Metric
        Which metric.
    case : Case
        Truth and predictions of n rows.

    Returns
    -------
    ndarray of shape (n,)
        Mean 0; its standard deviation over sqrt(n) is the metric's standard error.

    Raises
    ------
    UntestableError
        If the metric is undefined on these rows.

    References
    ----------
    .. [1] B. Efron, "The Jackknife, the Bootstrap and Other Resampling Plans", 1982, chapter 6
       (infinitesimal jackknife).

    Examples
    --------
    >>> from calmops_flows.evaluation import Case, Predictions, find_metric
    >>> case = Case(np.array([0, 1, 1, 0]), Predictions(np.array([0, 1, 0, 0])))
    >>> influence(find_metric("accuracy"), case).round(2).tolist()
    [0.25, 0.25, -0.75, 0.25]
    """
    statistic = metric.statistic
    if isinstance(statistic, OfConfusion):
        return _of_confusion(statistic.formula, case)
    if isinstance(statistic, OfRows):
        rows = statistic.rows(case)
        centre = rows.mean(axis=0)
        by_row: Floats = (rows - centre) @ gradient(statistic.combine, centre)
        return by_row
    areas: Floats = np.mean([ranking.influence() for ranking in rankings(case)], axis=0)
    return areas


def spread(influences: Floats) -> Spread:
    """Return the standard error that influences give.

    Raises
    ------
    UntestableError
        If there are fewer than two rows, or one influence is not finite.
    """
    n = len(influences)
    largest = float(np.abs(influences).max(initial=0.0))
    if n < 2 or not np.isfinite(largest):
        raise UntestableError("the metric has no finite standard error on these rows")
    if largest <= 1e-12:
        return Spread(0.0, float(n))
    scaled = influences / largest
    second, fourth = float((scaled**2).sum()), float((scaled**4).sum())
    return Spread(largest * float(np.sqrt(second / (n * (n - 1)))), second**2 / fourth)


def _of_confusion(formula: Formula, case: Case) -> Floats:
    truth, predicted, n_labels = case.coded
    n = len(truth)
    is_hit = truth == predicted
    margins = [truth[is_hit], truth, predicted]
    centre = np.concatenate([np.bincount(part, minlength=n_labels) / n for part in margins])

    def of_means(means: Floats) -> Floats:
        return formula(Counts(*np.split(means, 3, axis=-1)))

    of_hit, of_actual, of_predicted = np.split(gradient(of_means, centre), 3)
    by_row = of_hit[truth] * is_hit + of_actual[truth] + of_predicted[predicted]
    centred: Floats = by_row - by_row.mean()
    return centred
