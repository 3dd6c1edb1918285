"""Print how often a challenger that is not better would be promoted, with Monte-Carlo errors.

Champion and challengers are right on a row equally often, half of the time by the same luck. A
snapshot counts when any of its challengers, or the fallback after them, passes rule ``better``:
all share the error budget as in `calmops_flows.steps.recipes.terms`. Serially dependent rows are
first-order autoregressions.

    python -m benchmarks.promotion_rates --runs 400
"""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.signal import lfilter

from calmops_flows.evaluation import Predictions, compare

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

ALPHA = 0.05


@dataclass(frozen=True)
class Rate:
    """How often it happened, beside its bar."""

    case: str
    hits: int
    runs: int
    bar: float

    @property
    def error(self) -> float:
        """Monte-Carlo standard error, at the bar where that is larger."""
        rate = self.hits / self.runs
        return math.sqrt(max(rate * (1 - rate), self.bar * (1 - self.bar)) / self.runs)

    @property
    def is_met(self) -> bool:
        """Whether the rate exceeds the bar by no more than two standard errors."""
        return self.hits / self.runs <= self.bar + 2 * self.error

    def __str__(self) -> str:
        rate, verdict = self.hits / self.runs, "met" if self.is_met else "MISSED"
        return f"{self.case:<58} {rate:6.3f} +- {self.error:.3f}  <= {self.bar:.2f}  {verdict}"


def classified(n: int, minority: float, tries: int, runs: int, seed: int) -> Rate:
    """Try equally good challengers and a fallback on rows with a rare class."""
    rng = np.random.default_rng([seed, n, tries, round(1000 * minority)])
    hits = 0
    for _ in range(runs):
        truth = (np.arange(n) < round(n * minority)).astype(int)
        rng.shuffle(truth)
        limit = np.where(truth == 1, 0.7, 0.9)
        luck = rng.random(n)
        champion = said(truth, luck > limit)
        hits += any(
            is_better("balanced_accuracy", truth, champion, said(truth, own > limit), tries, rng)
            for own in (mixed(rng, luck) for _ in range(tries))
        )
    name = f"{n} rows, minority {minority:.1%}, {tries - 1} challengers + fallback"
    return Rate(name, hits, runs, ALPHA)


def dependent(n: int, rho: float, kind: str, runs: int, seed: int) -> Rate:
    """Compare two models whose losses or errors are autoregressions."""
    rng = np.random.default_rng([seed, n, round(100 * rho)])
    hits = 0
    for _ in range(runs):
        first, second = autoregression(rng, n, rho), autoregression(rng, n, rho)
        if kind == "mae":
            pair = Predictions(10 + first), Predictions(10 + second)
            hits += is_better("mae", np.zeros(n), *pair, 1, rng)
        else:
            truth = np.zeros(n, dtype=int)
            pair = said(truth, first > 0.84), said(truth, second > 0.84)
            hits += is_better("accuracy", truth, *pair, 1, rng)
    return Rate(f"{n} rows, autoregressive {kind}, rho {rho:g}", hits, runs, 0.10)


def is_better(
    metric: str,
    truth: NDArray[Any],
    champion: Predictions,
    challenger: Predictions,
    tries: int,
    rng: np.random.Generator,
) -> bool:
    """Judge one of several challengers by rule ``better`` on rows in order of time."""
    found = compare(
        "regression" if metric == "mae" else "classification",
        metric,
        truth,
        champion,
        challenger,
        confidence=1.0 - ALPHA / tries,
        rng=rng,
        is_ordered=True,
    )
    return found.lower is not None and found.lower > 0


def said(truth: NDArray[Any], is_wrong: NDArray[np.bool_]) -> Predictions:
    return Predictions(np.where(is_wrong, 1 - truth, truth), None, (0, 1))


def mixed(rng: np.random.Generator, luck: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keep half of the luck, and draw the rest anew."""
    return np.where(rng.random(len(luck)) < 0.5, luck, rng.random(len(luck)))


def autoregression(rng: np.random.Generator, n: int, rho: float) -> NDArray[np.float64]:
    noise = rng.normal(0, np.sqrt(1 - rho**2), n)
    noise[0] /= np.sqrt(1 - rho**2)
    return np.asarray(lfilter([1.0], [1.0, -rho], noise))


def rates(runs: int, seed: int) -> Iterator[Rate]:
    """Measure every case."""
    for n in (100, 300, 1000):
        for minority in (0.5, 0.05, 0.024):
            for tries in (2, 5):
                yield classified(n, minority, tries, runs, seed)
    for kind in ("mae", "errors"):
        for rho in (0.5, 0.9):
            yield dependent(300, rho, kind, runs, seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    print("P(promote | not better) per snapshot; under 20 rows of a class nothing is promoted")
    is_missed = False
    for rate in rates(asked.runs, asked.seed):
        print(rate, flush=True)
        is_missed |= not rate.is_met
    sys.exit(is_missed)


if __name__ == "__main__":
    main()
