"""Print how well performance is estimated without labels, under covariate shift and concept drift.

Classifiers and a regressor, fitted on one population and estimated on another whose features moved;
the realised scores of the current rows should lie within the error bars in 90 % of the cases, and
far outside them when the concept changes. CBPE on 100,000 rows is timed. NannyML's CBPE runs on the
same data, in an environment of its own under ``build/peers``.

    python -m benchmarks.estimation --cases 60
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import Figure, report
from benchmarks.peer_tools.environments import ask
from calmops_flows.evaluation import Holdout, Predictions, evaluate
from calmops_flows.evaluation.estimation import (
    PerformanceEstimate,
    estimate_classification,
    estimate_regression,
)

Floats = NDArray[np.float64]
SHOWN = ("accuracy", "balanced_accuracy", "f1_macro", "roc_auc", "log_loss", "brier")
LOSSES = ("mae", "mse", "rmse")
SHIFT = 0.5
PEER_METRICS = ("accuracy", "roc_auc")
PEER_SECONDS = 600.0


def population(
    rng: np.random.Generator, n: int, *, shift: float = 0.0, flip: bool = False, classes: int = 2
) -> tuple[Floats, NDArray[Any]]:
    """Draw rows; ``flip`` turns the first feature's effect over."""
    X = rng.normal(shift, 1.0, (n, 5))
    score = (-1.0 if flip else 1.0) * 1.2 * X[:, 0] - X[:, 1] + 0.6 * X[:, 2] * X[:, 3]
    score = score + rng.logistic(size=n)
    edges = [0.0] if classes == 2 else [-1.0, 1.0]
    return X, np.digitize(score, edges)


def answers(model: Any, X: Floats) -> Predictions:
    return Predictions(model.predict(X), model.predict_proba(X), tuple(model.classes_.tolist()))


def classify(
    build: Callable[[], Any], seed: int, *, n: int, classes: int, **change: Any
) -> tuple[PerformanceEstimate, dict[str, float | None], dict[str, Any]]:
    rng = np.random.default_rng(seed)
    model = build().fit(*population(rng, 3000, classes=classes))
    X, y = population(rng, n, classes=classes)
    X_new, y_new = population(rng, 2000, classes=classes, **change)
    judged, said = answers(model, X), answers(model, X_new)
    found = estimate_classification(Holdout("classification", y, judged), said, rng=rng)
    real = dict(evaluate("classification", y_new, said).metrics)
    case = {
        "reference": _frame(judged, y),
        "current": _frame(said, y_new),
        "accuracy": real["accuracy"],
        "roc_auc": real["roc_auc"],
        "gap": float(np.mean([_gap(found, real, name) for name in PEER_METRICS])),
        "outside": float(np.mean([_is_outside(found, real, name) for name in PEER_METRICS])),
    }
    return found, real, case


def _gap(found: PerformanceEstimate, real: dict[str, float | None], name: str) -> float:
    bars, value = found.metrics[name], real[name]
    return float("nan") if bars is None or value is None else abs(bars.value - value)


def _is_outside(found: PerformanceEstimate, real: dict[str, float | None], name: str) -> bool:
    bars, value = found.metrics[name], real[name]
    if bars is None or value is None:
        raise AssertionError(f"{name} of these cases is defined")
    return not bars.lower <= value <= bars.upper


def _frame(said: Predictions, y: NDArray[Any]) -> dict[str, Any]:
    if said.probabilities is None:
        raise AssertionError("classifiers here give probabilities")
    positive = said.probabilities[:, 1].tolist()
    return {"p": positive, "said": said.values.tolist(), "y": y.tolist()}


def regress(
    seed: int, *, n: int, shift: float, scale: float
) -> tuple[PerformanceEstimate, dict[str, float | None]]:
    from sklearn.linear_model import LinearRegression

    rng = np.random.default_rng(seed)

    def rows(size: int, moved: float, spread: float) -> tuple[Floats, Floats]:
        X = rng.normal(moved, 1.0, (size, 4))
        noise = spread * (0.4 + 0.5 * np.abs(X[:, 3])) * rng.normal(size=size)
        return X, 2 * X[:, 0] + X[:, 1] + 0.5 * X[:, 2] ** 2 + noise

    model = LinearRegression().fit(*rows(2000, 0.0, 1.0))
    (X, y), (X_new, y_new) = rows(n, 0.0, 1.0), rows(2000, shift, scale)
    found = estimate_regression(X, y, model.predict(X), X_new, model.predict(X_new), rng=rng)
    return found, dict(evaluate("regression", y_new, Predictions(model.predict(X_new))).metrics)


def coverage(
    label: str,
    names: tuple[str, ...],
    cases: list[tuple[PerformanceEstimate, dict[str, float | None]]],
) -> float:
    """Print coverage and mean gap by metric; return the mean coverage."""
    parts, rates = [], []
    for name in names:
        inside, gaps = [], []
        for found, real in cases:
            bars, value = found.metrics[name], real[name]
            if bars is not None and value is not None:
                inside.append(bars.lower <= value <= bars.upper)
                gaps.append(bars.value - value)
        rates.append(float(np.mean(inside)))
        parts.append(f"{name} {rates[-1]:.2f} ({np.mean(gaps):+.3f})")
    error = np.sqrt(0.05 * 0.95 / len(cases))
    print(f"{label:<46}±{error:.2f}  " + ", ".join(parts), flush=True)
    return float(np.mean(rates))


def seconds_for_100k() -> float:
    rng = np.random.default_rng(0)
    chances = rng.beta(0.8, 1.2, 104_000)
    both = np.column_stack([1 - chances, chances])
    truth = (rng.random(104_000) < chances).astype(int)
    said = Predictions((chances > 0.5).astype(int), both, (0, 1))
    kept = np.arange(4_000)
    holdout = Holdout("classification", truth[kept], said.take(kept))
    current = said.take(np.arange(4_000, 104_000))
    estimate_classification(holdout, said.take(kept), rng=rng)
    started = time.process_time()
    estimate_classification(holdout, current, rng=rng)
    return time.process_time() - started


def compare_with_peer(cases: list[dict[str, Any]]) -> Iterator[Figure]:
    """Run NannyML's CBPE on the same cases."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "cases.json"
        data.write_text(json.dumps(cases), encoding="utf-8")
        found = ask("NannyML", "cbpe", data, seconds=PEER_SECONDS)
    if found is None:
        return
    yield Figure("NannyML: outside 1.96 of its sampling errors", 1 - found["inside"], "")
    yield Figure("NannyML: outside 3 of them, its own bars", 1 - found["wide"], "")
    yield Figure("NannyML: mean absolute gap, accuracy and AUC", found["gap"], "")
    ours = float(np.mean([case["gap"] for case in cases]))
    yield Figure("ours on the same cases: mean absolute gap", ours, "")
    outside = float(np.mean([case["outside"] for case in cases]))
    yield Figure("ours on the same cases: outside its error bars", outside, "")
    yield Figure("NannyML: CPU time of an estimate of 2,000 rows", found["seconds"], "s")


def main() -> None:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=60)
    parser.add_argument("--no-peer", action="store_true", help="leave NannyML out")
    chosen = parser.parse_args()
    models: dict[str, Callable[[], Any]] = {
        "logistic": LogisticRegression,
        "forest": lambda: RandomForestClassifier(40, min_samples_leaf=3, random_state=0),
    }
    seeds = range(chosen.cases)
    rates, shifted = [], []
    print("share of realised scores within the error bars (mean of estimate - realised)")
    for name, build in models.items():
        for n, classes in ((300, 2), (2000, 2), (2000, 3)):
            done = [classify(build, s, n=n, classes=classes, shift=SHIFT) for s in seeds]
            label = f"{name}, {n} calibration rows, {classes} classes"
            rates.append(coverage(label, SHOWN, [(found, real) for found, real, _ in done]))
            shifted += [case for _, _, case in done] if (n, classes) == (2000, 2) else []
    for n in (400, 2000):
        fits = [regress(s, n=n, shift=SHIFT, scale=1.0) for s in seeds]
        rates.append(coverage(f"linear regression, {n} calibration rows", LOSSES, fits))
    ours = [classify(LogisticRegression, s, n=2000, classes=2, flip=True) for s in seeds]
    drifted = coverage("logistic, concept drift", SHOWN, [case[:2] for case in ours])
    worse = [regress(s, n=2000, shift=0.0, scale=2.0) for s in seeds]
    coverage("linear regression, concept drift", LOSSES, worse)
    error = math.sqrt(0.1 * 0.9 / chosen.cases)

    def figures() -> Iterator[Figure]:
        label = "outside the error bars under covariate shift"
        yield Figure(label, 1 - float(np.mean(rates)), "", 0.10, error, allowance=0.0)
        yield Figure("within the error bars under concept drift", drifted, "", 0.05)
        yield Figure("CBPE on 100,000 rows", seconds_for_100k(), "s", 1.0)
        if not chosen.no_peer:
            yield from compare_with_peer(shifted)

    report(figures())


if __name__ == "__main__":
    main()
