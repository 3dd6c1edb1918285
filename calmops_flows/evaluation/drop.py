"""Performance drop: the champion on a labelled snapshot against its own holdout score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from calmops_flows.errors import UntestableError
from calmops_flows.evaluation.case import Case
from calmops_flows.evaluation.comparison import need_rows
from calmops_flows.evaluation.holdout import Holdout, holdout_score
from calmops_flows.evaluation.influence import influence, spread
from calmops_flows.evaluation.metrics import find_metric
from calmops_flows.records import Rule

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from calmops_flows.evaluation.predictions import Predictions


DROP_RULE = "no performance drop"


@dataclass(frozen=True, slots=True)
class Drop:
    """A relative drop of performance.

    Attributes
    ----------
    metric : str
        Which metric.
    before, before_raw : float
        Score on the holdout, with and without the correction for selection.
    now : float
        Score on the snapshot.
    drop, lower : float
        Share of ``before`` that was lost (of a loss: gained), and its lower bound; negative when
        the model does better.
    confidence : float
        Of the lower bound.
    n_before, n_now : int
        Rows of both.
    """

    metric: str
    before: float
    before_raw: float
    now: float
    drop: float
    lower: float
    confidence: float
    n_before: int
    n_now: int


def performance_drop(
    holdout: Holdout,
    y: NDArray[Any],
    predictions: Predictions,
    *,
    metric: str,
    confidence: float = 0.95,
) -> Drop:
    """Measure how much worse a model does than on its holdout, and bound it from below.

    The bound is Fieller's [1]_ for the ratio of two independent estimates: the smallest d at which
    (1 - d)·before - now is within t standard errors of 0, both errors counted, with Welch's
    degrees of freedom.

    Parameters
    ----------
    holdout : Holdout
        What was kept of the rows that judged the model.
    y : ndarray of shape (n,)
        Truth of the snapshot's labelled rows.
    predictions : Predictions
        Of the same rows.
    metric : str
        Metric to compare.
    confidence : float, default 0.95
        Of the lower bound.

    Returns
    -------
    Drop
        Relative to the holdout score corrected for selection (`holdout_score`).

    Raises
    ------
    UntestableError
        If the metric is undefined on either side, has too few rows, or if the holdout score is
        not above 0, so that there is no share of it to lose.

    References
    ----------
    .. [1] E. C. Fieller, "Some problems in interval estimation", Journal of the Royal Statistical
       Society B 16, 1954.

    Examples
    --------
    >>> from calmops_flows.evaluation import Predictions
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(0, 2, 1000)
    >>> good, poor = (Predictions(np.where(rng.random(1000) < p, 1 - y, y)) for p in (0.1, 0.3))
    >>> found = performance_drop(Holdout("classification", y, good), y, poor, metric="accuracy")
    >>> round(found.drop, 1), found.lower > 0.15
    (0.2, True)
    """
    chosen = find_metric(metric, holdout.task)
    need_rows(chosen, holdout.truth)
    need_rows(chosen, y)
    before = holdout_score(holdout, chosen.name)
    case = Case(y, predictions)
    now, found = chosen.score(case), spread(influence(chosen, case))
    if before.score <= 0:
        raise UntestableError(
            f"the holdout score {before.score:.4g} is not above 0, so no share of it can be lost"
        )
    sign = -1.0 if chosen.is_loss else 1.0
    freedom = _welch((before.error, before.freedom), (found.error, found.freedom))
    reach = _quantile(freedom, confidence)
    low = _fieller(sign, before.score, before.error * reach, now, found.error * reach)
    return Drop(
        metric=chosen.name,
        before=before.score,
        before_raw=before.raw,
        now=now,
        drop=sign * (before.score - now) / before.score,
        lower=low,
        confidence=confidence,
        n_before=before.n_rows,
        n_now=len(y),
    )


def drop_rule(drop: Drop, max_drop: float) -> Rule:
    """Judge a drop: broken only if its lower bound exceeds what is tolerated.

    Parameters
    ----------
    drop : Drop
        From `performance_drop`.
    max_drop : float
        Largest tolerated relative drop.

    Returns
    -------
    Rule
        Named ``no performance drop``; it observes the lower bound.
    """
    corrected = ""
    if abs(drop.before_raw - drop.before) > 5e-5:
        corrected = f" ({drop.before_raw:.4g} before the correction for selection)"
    note = (
        f"{drop.metric} {drop.now:.4g} on {drop.n_now} rows against {drop.before:.4g}{corrected} "
        f"on {drop.n_before} holdout rows: worse by {drop.drop:.1%}, of which at least "
        f"{max(drop.lower, 0.0):.1%} is not luck (confidence {drop.confidence:g}); "
        f"{max_drop:.1%} is tolerated"
    )
    return Rule(DROP_RULE, drop.lower, max_drop, drop.lower <= max_drop, note)


def _fieller(sign: float, before: float, slack: float, now: float, slack_now: float) -> float:
    """Return the smallest d with |f·before - now| within the slacks, f = 1 - sign·d.

    f solves (before² - slack²)·f² - 2·before·now·f + now² - slack_now² = 0: of a score the larger
    root counts, of a loss the smaller one.
    """
    square = before**2 - slack**2
    if square <= 0:
        raise UntestableError("the holdout score is not distinguishable from 0")
    inside = (before * now) ** 2 - square * (now**2 - slack_now**2)
    factor = (before * now + sign * float(np.sqrt(max(inside, 0.0)))) / square
    return sign * (1.0 - factor)


def _welch(*parts: tuple[float, float]) -> float:
    """Return Welch's degrees of freedom of the sum of (error, freedom)."""
    total = sum(error**2 for error, _ in parts)
    if total <= 0:
        return float("inf")
    return total**2 / sum(error**4 / freedom for error, freedom in parts)


def _quantile(freedom: float, confidence: float) -> float:
    from scipy.special import ndtri, stdtrit

    if not np.isfinite(freedom):
        return float(ndtri(confidence))
    return float(stdtrit(freedom, confidence))
