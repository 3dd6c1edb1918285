"""The promotion rules: what a comparison must show before a challenger takes over.

Their error rates differ. ``better`` bounds the chance that a challenger that is not better takes
over: at most 1 - confidence per snapshot, over all models that are tried. ``no_worse`` bounds the
opposite: the chance that a challenger that is *not worse* is turned away, at most 1 - confidence
for each. It promises nothing about promotions: one that is equally good is promoted nearly always,
one that is a little worse often, and only one that is clearly worse seldom. It suits a refresh of
the same recipe on newer data, where newer data are a reason in themselves and a gate at 95 % would
turn away most good refreshes on a small holdout.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from calmops_flows.errors import SpecError
from calmops_flows.evaluation.metrics import find_metric
from calmops_flows.records import Comparison, Rule

if TYPE_CHECKING:
    from collections.abc import Callable

    from calmops_flows.spec import PromotionSpec


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
    SpecError
        If the rule is ``auto``: what it stands for depends on the two recipes (see
        `resolved_rule`).

    Examples
    --------
    >>> from calmops_flows.spec import PromotionSpec
    >>> found = Comparison("accuracy", 500, 0.8, 0.85, 0.05, 0.02, 0.08, 0.95)
    >>> verdict, (rule,) = judge(found, PromotionSpec(rule="better"))
    >>> verdict, rule.name, rule.observed, rule.threshold
    (True, 'better', 0.02, 0.0)
    """
    if promotion.rule not in PROMOTION_RULES:
        known = sorted(PROMOTION_RULES)
        raise SpecError(f"the promotion rule must be one of {known}, got {promotion.rule!r}")
    chosen = PROMOTION_RULES[promotion.rule]
    is_broken = any(rule.passed is False for rule in champion_rules)
    holds = all(rule.passed is True for rule in rules)
    decide = non_inferior if chosen.may_soften and is_broken and holds else chosen.decide
    judged = (*rules, decide(comparison, promotion))
    return _verdict(judged if chosen.heeds_thresholds else judged[-1:]), judged


def resolved_rule(promotion: PromotionSpec, *, is_refresh: bool) -> str:
    """Name the rule that ``auto`` stands for; any other stands for itself.

    Parameters
    ----------
    promotion : PromotionSpec
        As declared.
    is_refresh : bool
        The challenger is the champion's own recipe on newer data.

    Examples
    --------
    >>> from calmops_flows.spec import PromotionSpec
    >>> [resolved_rule(PromotionSpec(), is_refresh=same) for same in (True, False)]
    ['no_worse', 'better']
    """
    if promotion.rule != "auto":
        return promotion.rule
    return "no_worse" if is_refresh else "better"


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


def no_worse(comparison: Comparison, promotion: PromotionSpec) -> Rule:  # noqa: ARG001 - the table's form
    """Demand that the upper bound is not below 0: the challenger is not shown to be worse."""
    if comparison.upper is None:
        return Rule("no_worse", None, 0.0, None, f"untestable: {comparison.reason}")
    note = (
        f"upper {comparison.confidence:.4g} bound of the gain in {comparison.metric} "
        f"on {comparison.n_rows} rows must not be below 0"
    )
    return Rule("no_worse", comparison.upper, 0.0, comparison.upper >= 0.0, note)


def thresholds(comparison: Comparison, promotion: PromotionSpec) -> Rule:  # noqa: ARG001
    """Demand nothing more than the thresholds."""
    return Rule("thresholds", None, None, passed=True, note="the thresholds alone decide")


def always(comparison: Comparison, promotion: PromotionSpec) -> Rule:  # noqa: ARG001
    """Demand nothing at all."""
    return Rule("always", None, None, passed=True, note="every challenger takes over")


@dataclass(frozen=True, slots=True)
class PromotionRule:
    """One rule.

    Parameters
    ----------
    decide : callable
        Comparison and spec -> the rule, checked.
    heeds_thresholds : bool
        A challenger must hold the thresholds besides.
    may_soften : bool
        Where the champion fails a threshold that the challenger passes, no inferiority is enough.
    bounds_promotion : bool
        It bounds the chance of promoting what is not better, so several tries share that chance.
    """

    decide: Callable[[Comparison, PromotionSpec], Rule]
    heeds_thresholds: bool = True
    may_soften: bool = False
    bounds_promotion: bool = False


PROMOTION_RULES: dict[str, PromotionRule] = {
    "better": PromotionRule(better, may_soften=True, bounds_promotion=True),
    "no_worse": PromotionRule(no_worse),
    "thresholds": PromotionRule(thresholds),
    "always": PromotionRule(always, heeds_thresholds=False),
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
