"""The paired comparison keeps its level, and the rule keeps its word."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import lfilter

from calmops_flows.errors import SpecError
from calmops_flows.evaluation import METRICS, Predictions, compare, judge
from calmops_flows.records import Comparison, Rule
from calmops_flows.spec import PromotionSpec

LOSSES = [name for name, metric in METRICS.items() if metric.is_loss]
HELD = Rule("threshold:accuracy", 0.9, 0.8, passed=True)
BROKEN = Rule("threshold:accuracy", 0.7, 0.8, passed=False)
BETTER = PromotionSpec(rule="better")
UNTESTED = Rule("threshold:roc_auc", None, 0.8, passed=None)


def said(truth: NDArray[Any], wrong: NDArray[Any]) -> Predictions:
    return Predictions(np.where(wrong, 1 - truth, truth), None, (0, 1))


def comparison(lower: float | None, metric: str = "accuracy", champion: float = 0.8) -> Comparison:
    if lower is None:
        return Comparison(metric, 9, None, None, None, None, None, 0.95, reason="too few rows")
    return Comparison(metric, 500, champion, champion, lower + 0.03, lower, lower + 0.06, 0.95)


@pytest.mark.parametrize(
    ("n", "minority"),
    # .5 and .05 of 100, 300 and 1,000 rows; with fewer than 20 of a class nothing is promoted
    [(100, 0.5), (300, 0.5), (1000, 0.5), (1000, 0.05), (1000, 0.03)],
)
@pytest.mark.parametrize("recalls", [(0.8, 0.8), (0.6, 0.95)], ids=["even", "uneven"])
def test_equally_good_challenger_is_rarely_called_better(
    n: int, minority: float, recalls: tuple[float, float]
) -> None:
    rng = np.random.default_rng([n, round(100 * minority)])
    alarms, repetitions = 0, 400
    for _ in range(repetitions):
        truth = (np.arange(n) < n * minority).astype(int)
        first = rng.random(n)
        second = np.where(rng.random(n) < 0.5, first, rng.random(n))
        right = np.where(truth == 1, *recalls)
        found = compare(
            "classification",
            "balanced_accuracy",
            truth,
            said(truth, first > right),
            said(truth, second > right),
            confidence=0.95,
            rng=rng,
        )
        assert found.lower is not None
        alarms += found.lower > 0

    # two standard deviations of a binomial count
    assert alarms <= 0.05 * repetitions + 2 * np.sqrt(0.05 * 0.95 * repetitions)


@pytest.mark.parametrize("name", METRICS)
def test_clearly_better_challenger_is_called_better(name: str) -> None:
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 2, 600)
    scores = [truth + rng.normal(0, spread, 600) for spread in (1.5, 0.4)]
    sides = []
    for score in scores:
        positive = np.clip(score, 0.05, 0.95)
        probabilities = np.column_stack([1 - positive, positive])
        sides.append(Predictions((score > 0.5).astype(int), probabilities, (0, 1)))
    y: NDArray[Any] = truth
    if METRICS[name].task == "regression":
        y = rng.normal(100, 2, 600)
        sides = [Predictions(y + rng.normal(0, spread, 600)) for spread in (2.0, 1.0)]

    found = compare(METRICS[name].task, name, y, sides[0], sides[1], confidence=0.95, rng=rng)

    assert found.lower is not None
    assert found.difference is not None
    assert found.upper is not None
    assert 0 < found.lower < found.difference < found.upper
    assert found.champion is not None
    assert found.challenger is not None
    gain = found.challenger - found.champion
    assert found.difference == pytest.approx(-gain if name in LOSSES else gain)


@pytest.mark.parametrize("name", METRICS)
def test_identical_predictions_differ_by_exactly_zero(name: str) -> None:
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 3, 200) + (METRICS[name].task == "regression")
    if name == "f1":
        truth = np.minimum(truth, 1)
    k = len(np.unique(truth))
    predictions = Predictions(rng.integers(0, k, 200), np.full((200, k), 1 / k), tuple(range(k)))

    found = compare(
        METRICS[name].task, name, truth, predictions, predictions, confidence=0.95, rng=rng
    )

    assert (found.difference, found.lower, found.upper) == (0.0, 0.0, 0.0)
    assert judge(found, PromotionSpec(rule="better"))[0] is False


def test_same_seed_gives_the_same_bounds() -> None:
    truth = np.arange(400) % 2
    sides = [said(truth, np.arange(400) % k == 0) for k in (5, 7)]

    found = [
        compare(
            "classification",
            "mcc",
            truth,
            *sides,
            confidence=0.9,
            rng=np.random.default_rng(11),
        )
        for _ in range(2)
    ]

    assert found[0] == found[1]


def test_fewer_than_twenty_rows_of_a_class_are_untestable() -> None:
    truth = (np.arange(1000) < 19).astype(int)
    sides = [said(truth, truth == 1), said(truth, truth == 2)]

    found = compare(
        "classification",
        "balanced_accuracy",
        truth,
        *sides,
        confidence=0.95,
        rng=np.random.default_rng(0),
    )

    assert (found.champion, found.difference, found.lower, found.upper) == (None,) * 4
    assert found.reason is not None
    assert "at least 20 rows of each class to judge, the rarest has 19" in found.reason


def test_rare_class_does_not_stop_accuracy() -> None:
    truth = (np.arange(1000) < 19).astype(int)
    sides = [said(truth, truth == 1), said(truth, truth == 2)]

    found = compare(
        "classification", "accuracy", truth, *sides, confidence=0.95, rng=np.random.default_rng(0)
    )

    assert found.difference == pytest.approx(0.019)


def test_nineteen_rows_are_untestable_for_every_metric() -> None:
    found = compare(
        "regression",
        "mae",
        np.arange(19.0),
        Predictions(np.zeros(19)),
        Predictions(np.arange(19.0)),
        confidence=0.95,
        rng=np.random.default_rng(0),
    )

    assert found.reason == "needs at least 20 rows to judge, found 19"


def test_model_without_probabilities_makes_log_loss_untestable() -> None:
    truth = np.arange(100) % 2
    predictions = said(truth, truth == 2)

    found = compare(
        "classification",
        "log_loss",
        truth,
        predictions,
        predictions,
        confidence=0.95,
        rng=np.random.default_rng(0),
    )

    assert found.reason == "the model gives no probabilities"


def test_lower_bound_must_exceed_the_least_gain() -> None:
    promotion = PromotionSpec(rule="better", min_gain=0.01)

    assert judge(comparison(0.011), promotion)[0] is True
    assert judge(comparison(0.01), promotion)[0] is False


def test_broken_threshold_of_the_challenger_rejects_it() -> None:
    verdict, rules = judge(comparison(0.1), BETTER, rules=(BROKEN, UNTESTED))

    assert verdict is False
    assert [rule.passed for rule in rules] == [False, None, True]


@pytest.mark.parametrize(
    ("bounds", "rules"), [(comparison(0.1), (UNTESTED,)), (comparison(None), (HELD,))]
)
def test_what_cannot_be_tested_has_no_verdict(bounds: Comparison, rules: tuple[Rule, ...]) -> None:
    assert judge(bounds, BETTER, rules=rules)[0] is None


def test_champion_that_broke_its_threshold_falls_to_a_challenger_no_worse() -> None:
    verdict, rules = judge(comparison(-0.019), BETTER, rules=(HELD,), champion_rules=(BROKEN,))

    assert verdict is True
    assert rules[-1].name == "non_inferior"
    assert rules[-1].threshold == -0.02


def test_challenger_worse_by_more_than_the_margin_does_not_relieve_it() -> None:
    verdict, _ = judge(comparison(-0.021), BETTER, rules=(HELD,), champion_rules=(BROKEN,))

    assert verdict is False


def test_margin_of_an_unbounded_loss_is_a_share_of_the_champions() -> None:
    bounds = comparison(-0.9, metric="rmse", champion=50.0)

    verdict, rules = judge(bounds, BETTER, rules=(HELD,), champion_rules=(BROKEN,))

    assert rules[-1].threshold == pytest.approx(-1.0)
    assert verdict is True


@pytest.mark.parametrize(("lower", "takes_over"), [(-0.06, True), (-0.061, False), (None, None)])
def test_challenger_not_shown_to_be_worse_passes_no_worse(
    lower: float | None, takes_over: bool | None
) -> None:
    verdict, (rule,) = judge(comparison(lower), PromotionSpec(rule="no_worse"))

    assert (verdict, rule.name) == (takes_over, "no_worse")


def test_no_worse_is_not_hardened_by_a_champion_that_fails() -> None:
    promotion = PromotionSpec(rule="no_worse")

    verdict, rules = judge(comparison(-0.05), promotion, rules=(HELD,), champion_rules=(BROKEN,))

    assert (verdict, rules[-1].name) == (True, "no_worse")


@pytest.mark.parametrize(
    ("rule", "held", "takes_over"),
    [
        ("thresholds", HELD, True),
        ("thresholds", BROKEN, False),
        ("thresholds", UNTESTED, None),
        ("always", HELD, True),
        ("always", BROKEN, True),
    ],
)
def test_thresholds_alone_decide_or_nothing_does(
    rule: Literal["thresholds", "always"], held: Rule, takes_over: bool | None
) -> None:
    verdict, _ = judge(comparison(None), PromotionSpec(rule=rule), rules=(held,))

    assert verdict is takes_over


def test_auto_must_be_resolved_before_it_judges() -> None:
    with pytest.raises(SpecError, match="'auto'"):
        judge(comparison(0.1), PromotionSpec())


def autoregression(rng: np.random.Generator, n: int, rho: float) -> NDArray[np.float64]:
    """Return a stationary first-order autoregression with mean 0 and variance 1."""
    noise = rng.normal(0, np.sqrt(1 - rho**2), n)
    noise[0] /= np.sqrt(1 - rho**2)
    return np.asarray(lfilter([1.0], [1.0, -rho], noise))


@pytest.mark.parametrize("rho", [0.5, 0.9])
def test_dependent_rows_do_not_make_an_equal_challenger_better(rho: float) -> None:
    rng = np.random.default_rng([7, round(10 * rho)])
    alarms, repetitions, n = 0, 100, 300
    for _ in range(repetitions):
        first, second = (Predictions(10 + autoregression(rng, n, rho)) for _ in range(2))
        found = compare(
            "regression",
            "mae",
            np.zeros(n),
            first,
            second,
            confidence=0.95,
            rng=rng,
            is_ordered=True,
        )
        assert found.lower is not None
        alarms += found.lower > 0

    assert alarms <= 0.10 * repetitions


def test_dependent_rows_fool_a_comparison_that_ignores_their_order() -> None:
    rng = np.random.default_rng(2)
    alarms = 0
    for _ in range(60):
        first, second = (Predictions(10 + autoregression(rng, 300, 0.9)) for _ in range(2))
        found = compare("regression", "mae", np.zeros(300), first, second, confidence=0.95, rng=rng)
        alarms += found.lower is not None and found.lower > 0

    assert alarms > 9
