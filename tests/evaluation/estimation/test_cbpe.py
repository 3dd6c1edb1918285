"""Performance of classifiers without labels."""

from __future__ import annotations

import numpy as np
import pytest

from calmops_flows.evaluation import Holdout, Predictions, evaluate
from calmops_flows.evaluation.estimation import PerformanceEstimate, estimate_classification
from calmops_flows.evaluation.estimation.calibrate import calibrated, fit_curve, fit_curves
from calmops_flows.evaluation.estimation.cbpe import ESTIMATED, _Current, _expected

SHOWN = ("accuracy", "balanced_accuracy", "f1", "roc_auc", "log_loss", "brier", "mcc")


def expit(x: np.typing.NDArray[np.float64]) -> np.typing.NDArray[np.float64]:
    return 1 / (1 + np.exp(-x))


def answers(
    rng: np.random.Generator, n: int, *, shift: float = 0.0, sign: int = 1
) -> tuple[np.typing.NDArray[np.int64], Predictions]:
    """Return truth and an overconfident model; ``shift`` moves x, ``sign`` the concept."""
    x = rng.normal(shift, 1.5, n)
    truth = (rng.random(n) < expit(sign * x)).astype(np.int64)
    probability = expit(2 * x + 0.3)
    both = np.column_stack([1 - probability, probability])
    return truth, Predictions((probability > 0.5).astype(np.int64), both, (0, 1))


def test_expected_confusion_matrix_by_hand() -> None:
    # Three rows said 1 with chances .9, .8, .6 and one said 0 with chance .3 of 1: expected
    # hits of 1 are 2.3, of 0 are .7; expected rows of 1 are 2.6, of 0 are 1.4.
    chance = np.array([0.9, 0.8, 0.6, 0.3])
    both = np.column_stack([1 - chance, chance])
    said = Predictions(np.array([1, 1, 1, 0]), both, (0, 1))

    found = _expected(_Current.of(said, said.values), both)

    assert found["accuracy"] == pytest.approx(3.0 / 4)
    assert found["precision"] == pytest.approx(2.3 / 3)
    assert found["recall"] == pytest.approx(2.3 / 2.6)
    assert found["f1"] == pytest.approx(2 * 2.3 / (3 + 2.6))
    assert found["balanced_accuracy"] == pytest.approx((2.3 / 2.6 + 0.7 / 1.4) / 2)
    # Brier: the mean of p(1 - p). Area: fractions ranked above fractions, ties (none) halved,
    # over 2.6 * 1.4 pairs; a row ties with itself.
    assert found["brier"] == pytest.approx(np.mean(chance * (1 - chance)))
    ordered = np.sort(chance)
    beaten = sum(
        p * (1 - q) * (1.0 if i > j else 0.5 if i == j else 0.0)
        for i, p in enumerate(ordered)
        for j, q in enumerate(ordered)
    )
    assert found["roc_auc"] == pytest.approx(beaten / (2.6 * 1.4))


def test_certain_labels_give_the_metrics_themselves() -> None:
    rng = np.random.default_rng(0)
    truth, said = answers(rng, 500)

    found = _expected(_Current.of(said, said.values), np.eye(2)[truth])

    real = evaluate("classification", truth, said).metrics
    assert found == pytest.approx(real, abs=1e-9)


def estimate(
    seed: int, *, n: int = 1000, shift: float = 0.0, sign: int = 1
) -> tuple[PerformanceEstimate, dict[str, float | None]]:
    rng = np.random.default_rng(seed)
    holdout = Holdout("classification", *answers(rng, n))
    truth, said = answers(rng, 1500, shift=shift, sign=sign)
    found = estimate_classification(holdout, said, rng=rng)
    return found, dict(evaluate("classification", truth, said).metrics)


@pytest.mark.parametrize("n", [300, 1500])
def test_estimates_hold_under_covariate_shift(n: int) -> None:
    within = []
    for seed in range(25):
        found, real = estimate(seed, n=n, shift=1.0)
        for name in SHOWN:
            bars, value = found.metrics[name], real[name]
            assert bars is not None
            assert value is not None
            within.append(bars.lower <= value <= bars.upper)

    # 0.95 promised; 175 correlated cases leave a standard error of about .03.
    assert np.mean(within) >= 0.88


def test_estimates_fail_under_concept_drift_as_the_assumption_says() -> None:
    found, real = estimate(0, sign=-1)

    bars, value = found.metrics["accuracy"], real["accuracy"]
    assert bars is not None
    assert value is not None
    assert value < bars.lower - 0.2
    assert "P(y|x)" in found.assumption


def test_fewer_than_200_rows_are_untestable() -> None:
    found, _ = estimate(0, n=199)

    assert found.reason == "needs 200 calibration rows, found 199"
    assert set(found.metrics.values()) == {None}
    assert set(found.notes) == set(ESTIMATED)


def test_model_without_probabilities_is_untestable() -> None:
    rng = np.random.default_rng(0)
    truth, said = answers(rng, 400)
    bare = Predictions(said.values)

    found = estimate_classification(Holdout("classification", truth, bare), bare, rng=rng)

    assert found.reason == "the model gives no probabilities"


def test_rare_class_makes_class_sensitive_metrics_untestable() -> None:
    rng = np.random.default_rng(0)
    truth, said = answers(rng, 2000)
    rare = np.flatnonzero(truth == 1)[10:]
    kept = np.setdiff1d(np.arange(2000), rare)
    holdout = Holdout("classification", truth[kept], said.take(kept))

    found = estimate_classification(holdout, said, rng=rng)

    assert found.metrics["accuracy"] is not None
    assert found.metrics["balanced_accuracy"] is None
    assert "the rarest has 10" in found.notes["balanced_accuracy"]


def test_several_classes_with_text_labels_are_estimated() -> None:
    rng = np.random.default_rng(1)
    labels = np.array(["a", "b", "c"], dtype=object)

    def many(n: int) -> tuple[np.typing.NDArray[np.object_], Predictions]:
        chances = rng.dirichlet([0.6, 0.6, 0.6], n)
        drawn = (rng.random((n, 1)) > np.cumsum(chances, axis=1)).sum(axis=1)
        return labels[drawn], Predictions(labels[chances.argmax(1)], chances, ("a", "b", "c"))

    truth, said = many(2000)

    found = estimate_classification(Holdout("classification", *many(900)), said, rng=rng)

    real = evaluate("classification", truth, said).metrics
    for name in ("accuracy", "f1_macro", "roc_auc", "log_loss"):
        bars = found.metrics[name]
        assert bars is not None
        assert bars.value == pytest.approx(real[name], abs=0.04)
    assert found.metrics["f1"] is None


def test_same_seed_gives_the_same_estimate() -> None:
    assert estimate(3)[0] == estimate(3)[0]


def test_evaluation_carries_bounds_and_assumption() -> None:
    scores = estimate(0)[0].to_evaluation()

    assert scores.n_rows == 1500
    assert "P(y|x)" in scores.notes["accuracy"]


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_curve_undoes_overconfidence(method: str) -> None:
    rng = np.random.default_rng(0)
    truth, said = answers(rng, 20_000)
    assert said.probabilities is not None
    scores = said.probabilities[:, 1]

    curve = fit_curve(scores, truth.astype(float), method=method)

    at = np.array([-1.0, 0.0, 1.0])
    np.testing.assert_allclose(curve(expit(2 * at + 0.3)), expit(at), atol=0.04)


def test_isotonic_curve_agrees_with_scikit_learn() -> None:
    from sklearn.isotonic import IsotonicRegression

    rng = np.random.default_rng(0)
    scores = rng.random(300).round(2)
    hits = (rng.random(300) < scores).astype(float)

    found = fit_curve(scores, hits, method="isotonic")

    expected = IsotonicRegression().fit(scores, hits).predict(scores)
    np.testing.assert_allclose(found(scores), expected, atol=1e-12)


def test_constant_scores_calibrate_to_the_base_rate() -> None:
    hits = np.repeat([0.0, 1.0], [300, 100])

    curve = fit_curve(np.full(400, 0.5), hits, method="sigmoid")

    assert curve(np.array([0.5]))[0] == pytest.approx(0.25, abs=0.01)


def test_calibrated_rows_sum_to_one() -> None:
    rng = np.random.default_rng(0)
    chances = rng.dirichlet([1, 1, 1, 1], 400)
    truth = chances.argmax(axis=1)

    found = calibrated(fit_curves(chances, truth), chances)

    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    assert found.min() >= 0
