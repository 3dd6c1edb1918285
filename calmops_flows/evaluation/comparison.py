"""Champion against challenger: the paired comparison on rows that neither has learnt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from calmops_flows.errors import UntestableError
from calmops_flows.evaluation.bootstrap import Bounds, paired_bounds
from calmops_flows.evaluation.case import Case, encode
from calmops_flows.evaluation.metrics import Metric, Task, find_metric
from calmops_flows.records import Comparison

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from calmops_flows.evaluation.predictions import Predictions

MIN_ROWS = 20


def compare(
    task: Task,
    metric: str,
    y: NDArray[Any],
    champion: Predictions,
    challenger: Predictions,
    *,
    confidence: float,
    rng: np.random.Generator,
    is_ordered: bool = False,
) -> Comparison:
    """Compare two models on rows that neither has learnt.

    Parameters
    ----------
    task : {"classification", "regression"}
        What was predicted.
    metric : str
        Metric to compare.
    y : ndarray of shape (n,)
        True labels or numbers.
    champion, challenger : Predictions
        Of the same rows.
    confidence : float
        Of the lower and of the upper bound, each by itself.
    rng : numpy.random.Generator
        Source of the resamples.
    is_ordered : bool, default False
        The rows are in order of time: neighbours are resampled together.

    Returns
    -------
    Comparison
        A positive difference favours the challenger, also for losses. With fewer than 20 rows, or
        fewer than 20 of a class where the metric hangs on each class, all numbers are None.

    Raises
    ------
    SpecError
        If the metric is unknown or of the other task.

    Examples
    --------
    >>> from calmops_flows.evaluation import Predictions
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(0, 2, 400)
    >>> noisy = np.where(rng.random(400) < 0.3, 1 - y, y)
    >>> found = compare("classification", "accuracy", y, Predictions(noisy), Predictions(y),
    ...                 confidence=0.95, rng=rng)
    >>> round(found.difference, 3), found.lower > 0.2
    (0.268, True)
    """
    chosen = find_metric(metric, task)
    first, second = Case(y, champion), Case(y, challenger)
    try:
        need_rows(chosen, y)
        scores = chosen.score(first), chosen.score(second)
        pairs = chosen.statistic.pairs(first, second)
        bounds = paired_bounds(pairs, confidence=confidence, rng=rng, is_ordered=is_ordered)
    except UntestableError as err:
        return Comparison(
            chosen.name, len(y), None, None, None, None, None, confidence, reason=str(err)
        )
    if chosen.is_loss:
        bounds = Bounds(-bounds.difference, -bounds.upper, -bounds.lower)
    return Comparison(
        chosen.name,
        len(y),
        scores[0],
        scores[1],
        bounds.difference + 0.0,  # no minus zero
        bounds.lower + 0.0,
        bounds.upper + 0.0,
        confidence,
    )


def need_rows(metric: Metric, y: NDArray[Any]) -> None:
    """Raise UntestableError if there are too few rows, or of one class, to judge by a metric."""
    if len(y) < MIN_ROWS:
        raise UntestableError(f"needs at least {MIN_ROWS} rows to judge, found {len(y)}")
    if not metric.is_class_sensitive:
        return
    (codes,), n_labels = encode([y], ())
    fewest = int(np.bincount(codes, minlength=n_labels).min())
    if fewest < MIN_ROWS:
        raise UntestableError(
            f"{metric.name} needs at least {MIN_ROWS} rows of each class to judge, "
            f"the rarest has {fewest}"
        )
