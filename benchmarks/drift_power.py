"""Print how often the default verdict finds small changes, with the Monte-Carlo error.

Detected means that the verdict is drift and, in one-column cases, that this column is flagged; a
floor that bound would show as a miss. ``--grid`` adds the power at smaller and larger changes.

    python -m benchmarks.drift_power --runs 200 --grid
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.draws import Draw, dependent, normal, with_column, words
from benchmarks.drift_rates import verdict
from benchmarks.figures import Figure, rate, report
from calmops_flows.detectors.decision import DriftPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True, slots=True)
class Change:
    """A change of one column: how it is drawn before (``size`` none) and after."""

    name: str
    column: str
    draw: Callable[[float], Draw]
    none: float
    size: float
    rows: int
    bar: float


def shift(size: float) -> Draw:
    return with_column("x7", lambda rng, n: rng.normal(size, 1, n))


def variance(size: float) -> Draw:
    return with_column("x7", lambda rng, n: rng.normal(0, math.sqrt(size), n))


def one_level(size: float) -> Draw:
    shares = np.array([size, *[(1 - size) / 9] * 9])
    return with_column("k", lambda rng, n: words(rng.choice(10, n, p=shares)))


def missing_share(size: float) -> Draw:
    return with_column(
        "x7", lambda rng, n: np.where(rng.random(n) < size, np.nan, rng.normal(size=n))
    )


def new_level(size: float) -> Draw:
    return with_column(
        "k", lambda rng, n: words(np.where(rng.random(n) < size, 9, rng.integers(0, 9, n)))
    )


CHANGES = (
    Change("mean of 1 of 50 columns + sd x", "x7", shift, 0, 0.2, 1_000, 0.72),
    Change("variance of 1 of 50 columns x", "x7", variance, 1, 1.3, 2_000, 0.80),
    Change("one category of ten from 10 % to", "k", one_level, 0.1, 0.15, 3_000, 0.85),
    Change("missing rate from 2 % to", "x7", missing_share, 0.02, 0.05, 2_000, 0.85),
    Change("new category at", "k", new_level, 0, 0.01, 2_000, 0.85),
)
# Shares of each change that `--grid` adds.
GRID = (0.4, 0.6, 0.8, 1.0, 1.2, 1.5)


def one_column(runs: int, *, with_grid: bool) -> Iterator[Figure]:
    policy = DriftPolicy()
    for number, change in enumerate(CHANGES):
        for part in GRID if with_grid else (1.0,):
            size = round(change.none + part * (change.size - change.none), 4)
            rng = np.random.default_rng([3, number, round(1_000 * size)])
            before, after = change.draw(change.none), change.draw(size)
            rows = (change.rows, change.rows)
            found = (verdict(rng, before, after, rows, policy) for _ in range(runs))
            hits = sum(r.is_drift is True and change.column in r.drifted for r in found)
            bar = change.bar if size == change.size else None
            name = f"{change.name} {size:g}, {change.rows:,} rows"
            yield rate(name, hits, runs, bar, is_floor=True)


def joint(runs: int) -> Iterator[Figure]:
    rng = np.random.default_rng(5)
    rows = (1_000, 1_000)
    found = (verdict(rng, normal(), dependent, rows, DriftPolicy()) for _ in range(runs))
    hits = sum(r.is_drift is True for r in found)
    name = "correlation 0.7 among 5 of 50 columns, 1,000 rows"
    yield rate(name, hits, runs, 0.98, is_floor=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--grid", action="store_true")
    given = parser.parse_args()

    def figures() -> Iterator[Figure]:
        yield from one_column(given.runs, with_grid=given.grid)
        yield from joint(given.runs)

    report(figures())


if __name__ == "__main__":
    main()
