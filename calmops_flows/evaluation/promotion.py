"""Champion against challenger: the paired comparison, and the rule that judges it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from calmops_flows.errors import NotYetError, UntestableError
from calmops_flows.evaluation.bootstrap import Bounds, paired_bounds
from calmops_flows.evaluation.case import Case, encode
from calmops_flows.evaluation.metrics import Metric, Task, find_metric
from calmops_flows.records import Comparison, Rule

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from calmops_flows.evaluation.predictions import Predictions
    from calmops_flows.spec import PromotionSpec

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
    n_resamples: int = 2000,
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
    n_resamples : int, default 2000
        Number of resamples.

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
        bounds = paired_bounds(pairs, confidence=confidence, rng=rng, n_resamples=n_resamples)
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


def judge(
    comparison: Comparison,
    promotion: PromotionSpec,
    *,
    rules: tuple[Rule, ...] = (),
    champion_rules: tuple[Rule, ...] = (),
) -> tuple[bool | None, tuple[Rule, ...]]:
    """Decide whether the challenger takes over.

    Parameters
    ----------
    comparison : Comparison
        Of the two on the shared holdout.
    promotion : PromotionSpec
        The rule and its numbers.
    rules : tuple of Rule
        The challenger's thresholds on that holdout, checked; all must hold.
    champion_rules : tuple of Rule
        The champion's. If one is broken and the challenger passes all of its own, it need only be
        no worse by more than the margin.

    Returns
    -------
    verdict : bool or None
        None when no rule is broken but one could not be tested.
    rules : tuple of Rule
        The given ones and the rule of the comparison.

    Raises
    ------
    NotYetError
        If the promotion rule is not in this version.

    Examples
    --------
    >>> from calmops_flows.spec import PromotionSpec
    >>> found = Comparison("accuracy", 500, 0.8, 0.85, 0.05, 0.02, 0.08, 0.95)
    >>> verdict, (rule,) = judge(found, PromotionSpec())
    >>> verdict, rule.name, rule.observed, rule.threshold
    (True, 'better', 0.02, 0.0)
    """
    if promotion.rule not in PROMOTION_RULES:
        known = sorted(PROMOTION_RULES)
        raise NotYetError(
            f"evaluation.promotion.rule {promotion.rule!r} is not yet in this version; use {known}"
        )
    is_broken = any(rule.passed is False for rule in champion_rules)
    holds = all(rule.passed is True for rule in rules)
    decide = non_inferior if is_broken and holds else PROMOTION_RULES[promotion.rule]
    judged = (*rules, decide(comparison, promotion))
    return _verdict(judged), judged


def better(comparison: Comparison, promotion: PromotionSpec) -> Rule:
    """Demand that the lower bound exceeds the least gain."""
    return _bound_rule("better", comparison, promotion.min_gain)


def non_inferior(comparison: Comparison, promotion: PromotionSpec) -> Rule:
    """Demand that the lower bound exceeds minus the margin.

    The margin is absolute for metrics on a fixed scale, else a share of the champion's loss.
    """
    scale = 1.0
    if not find_metric(comparison.metric).bounded:
        scale = abs(comparison.champion or 0.0)
    return _bound_rule("non_inferior", comparison, -promotion.margin * scale)


PROMOTION_RULES: dict[str, Callable[[Comparison, PromotionSpec], Rule]] = {
    "auto": better,
    "better": better,
}


def _bound_rule(name: str, comparison: Comparison, threshold: float) -> Rule:
    if comparison.lower is None:
        return Rule(name, None, threshold, None, f"untestable: {comparison.reason}")
    note = (
        f"lower {comparison.confidence:.4g} bound of the gain in {comparison.metric} "
        f"on {comparison.n_rows} rows must exceed {threshold:g}"
    )
    return Rule(name, comparison.lower, threshold, comparison.lower > threshold, note)


def _verdict(rules: tuple[Rule, ...]) -> bool | None:
    if any(rule.passed is False for rule in rules):
        return False
    return None if any(rule.passed is None for rule in rules) else True
