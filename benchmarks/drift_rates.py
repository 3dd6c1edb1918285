"""Print the error rates of the drift verdict without drift, with their Monte-Carlo error.

One verdict at alpha 0.05 over 50 columns, the joint test included: any alarm counts. Six shapes of
columns at four sizes, uneven sizes, dependent rows, and a change too small to matter. From 20,000
rows on, a tenth of the runs.

    python -m benchmarks.drift_rates --runs 200
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from benchmarks.draws import Draw, categories, correlated, heavy, missing, normal, serial, tied
from benchmarks.figures import Figure, family, rate, report
from calmops_flows.detectors.decision import DriftPolicy, check
from calmops_flows.profiles import profile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from calmops_flows.records import DriftReport

HEAVY_ROWS = 20_000
FEWEST_RUNS = 20
SHAPES: dict[str, Draw] = {
    "independent": normal(),
    "correlated": correlated,
    "heavy tails": heavy,
    "ties": tied,
    "5-500 categories": categories,
    "20 % missing": missing,
}
SIZES = (300, 1_000, 10_000, 100_000)
UNEVEN: list[tuple[str, int, int]] = [
    ("independent", 60, 60),
    ("independent", 10_000, 300),
    ("heavy tails", 10_000, 200),
    ("ties", 10_000, 200),
    ("5-500 categories", 10_000, 500),
]


def verdict(
    rng: np.random.Generator, before: Draw, after: Draw, sizes: tuple[int, int], policy: DriftPolicy
) -> DriftReport:
    """Check a fresh current batch against a fresh reference."""
    keys = [str(rng.integers(2**62)) if policy.multivariate != "off" else None for _ in range(2)]
    reference = profile(before(rng, sizes[0]), key=keys[0])
    return check(reference, profile(after(rng, sizes[1]), key=keys[1]), policy)


def fewer(runs: int, n: int) -> int:
    return runs if n < HEAVY_ROWS else max(runs // 10, min(runs, FEWEST_RUNS))


def null_rates(
    runs: int, shapes: list[str], policy: DriftPolicy, *, sizes: tuple[int, ...] = SIZES
) -> Iterator[tuple[str, int, int]]:
    """Count alarms case by case: label, alarms, runs."""
    cases = [(shape, n, n) for shape in SHAPES for n in sizes]
    cases += UNEVEN if sizes == SIZES else []
    for shape, n, m in cases:
        if shape not in shapes:
            continue
        some, draw = fewer(runs, n), SHAPES[shape]
        rng = np.random.default_rng([1, list(SHAPES).index(shape), n, m])
        alarms = sum(bool(verdict(rng, draw, draw, (n, m), policy).is_drift) for _ in range(some))
        label = f"{shape}, {n:,} against {m:,} x 50: any alarm"
        print(f"{label} {alarms}/{some}", file=sys.stderr, flush=True)
        yield label, alarms, some


def dependent_rows(runs: int) -> Iterator[Figure]:
    block, some = DriftPolicy(dependence="block"), max(runs // 2, 20)
    rng = np.random.default_rng(2)
    sizes = (2_000, 2_000)
    alarms = sum(bool(verdict(rng, serial, serial, sizes, block).is_drift) for _ in range(some))
    yield rate("AR(1) rho 0.5, dependence: block, 2k x 50: any alarm", alarms, some, 0.10)


def small_but_significant(runs: int) -> Iterator[Figure]:
    rng, some = np.random.default_rng(7), max(runs // 10, FEWEST_RUNS)
    off = DriftPolicy(multivariate="off")
    alarms = significant = 0
    for _ in range(some):
        before, after = rng.normal(size=1_000_000), rng.normal(0.005, 1, 1_000_000)
        found = check(profile(pa.table({"x": before})), profile(pa.table({"x": after})), off)
        alarms += found.is_drift is True
        significant += any((c.adjusted_p_value or 1.0) <= off.alpha for c in found.columns)
    yield rate("1M rows, shift 0.5 % of sd: alarm", alarms, some, 0.05)
    yield rate(
        "1M rows, shift 0.5 % of sd: said significant", significant, some, 0.5, is_floor=True
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--only", choices=["null", "rows", "small"])
    parser.add_argument("--multivariate", default="auto")
    parser.add_argument("--shape", choices=list(SHAPES), action="append", help="default all")
    given = parser.parse_args()
    policy = DriftPolicy(multivariate=given.multivariate)
    parts = {
        "null": lambda: family(
            "any alarm without drift",
            null_rates(given.runs, given.shape or list(SHAPES), policy),
            policy.alpha,
        ),
        "rows": lambda: dependent_rows(given.runs),
        "small": lambda: small_but_significant(given.runs),
    }
    chosen = [given.only] if given.only else list(parts)
    report(figure for name in chosen for figure in parts[name]())


if __name__ == "__main__":
    main()
