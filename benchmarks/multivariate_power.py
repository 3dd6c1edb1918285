"""Power of the multivariate tests per second of CPU, and their rates without drift.

Prints, per case and test, the share of runs with a p-value of at most the level,
and the mean CPU seconds of one warm test; 40 numbers and 10 categories, one
permutation null. The Monte-Carlo error is one standard error of the largest share.

Usage: python benchmarks/multivariate_power.py [--runs 50] [--rows 1000] [--tests auto,mmd]
"""

from __future__ import annotations

import argparse
import math
import time
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from calmops_flows.detectors.multivariate import JOINT_TESTS
from calmops_flows.detectors.multivariate.joint import joint_test
from calmops_flows.profiles import sample_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Change = Callable[[NDArray[np.float64], np.random.Generator], None]

LEVEL = 0.02
N_NUMBERS = 40
LEVELS = (2, 3, 5, 8, 10, 10, 20, 50, 100, 200)


def one_shift(x: NDArray[np.float64], rng: np.random.Generator) -> None:
    del rng
    x[:, 0] += 0.2


def dense_shift(x: NDArray[np.float64], rng: np.random.Generator) -> None:
    del rng
    x += 0.06


def five_correlated(x: NDArray[np.float64], rng: np.random.Generator) -> None:
    common = rng.normal(size=(len(x), 1))
    x[:, :5] = math.sqrt(0.3) * x[:, :5] + math.sqrt(0.7) * common


def one_pair(x: NDArray[np.float64], rng: np.random.Generator) -> None:
    del rng
    x[:, 1] = 0.3 * x[:, 0] + math.sqrt(0.91) * x[:, 1]


def one_factor(x: NDArray[np.float64], rng: np.random.Generator) -> None:
    common = rng.normal(size=(len(x), 1))
    x[:] = math.sqrt(0.9) * x + math.sqrt(0.1) * common


def no_drift(x: NDArray[np.float64], rng: np.random.Generator) -> None:
    del x, rng


CASES: dict[str, Change] = {
    "no drift": no_drift,
    "rho 0.7 among 5": five_correlated,
    "rho 0.3 in 1 pair": one_pair,
    "rho 0.1 among 40": one_factor,
    "+0.2 sd in 1": one_shift,
    "+0.06 sd in 40": dense_shift,
}


def table(rng: np.random.Generator, n_rows: int, change: Change) -> pa.Table:
    x = rng.normal(size=(n_rows, N_NUMBERS))
    change(x, rng)
    columns = {f"x{i:02d}": pa.array(x[:, i]) for i in range(N_NUMBERS)}
    for i, n_levels in enumerate(LEVELS):
        columns[f"c{i}"] = pa.array([f"v{code}" for code in rng.integers(0, n_levels, n_rows)])
    return pa.table(columns)


def measure(method: str, case: str, n_rows: int, runs: int) -> tuple[float, float]:
    """Return the share of detections and the mean CPU seconds of one test."""
    hits, spent = 0, 0.0
    for run in range(runs + 1):
        rng = np.random.default_rng([run, n_rows])
        before = sample_rows(table(rng, n_rows, no_drift), f"before {run}")
        after = sample_rows(table(rng, n_rows, CASES[case]), f"after {run}")
        start = time.process_time()
        finding = joint_test(method, before, after, alpha=LEVEL)
        if run:  # the first is a warm-up
            spent += time.process_time() - start
            hits += finding.p_value is not None and finding.p_value <= LEVEL
    return hits / runs, spent / runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--rows", type=int, default=1_000)
    parser.add_argument("--tests", default=",".join(JOINT_TESTS))
    options = parser.parse_args()
    methods = options.tests.split(",")
    error = math.sqrt(0.25 / options.runs)
    print(f"{options.rows} rows, {options.runs} runs, level {LEVEL}, error up to {error:.3f}")
    print(f"{'case':<20}" + "".join(f"{method:>20}" for method in methods))
    for case in CASES:
        cells = [measure(method, case, options.rows, options.runs) for method in methods]
        print(f"{case:<20}" + "".join(f"{p:>10.2f} {cpu:>7.3f} s" for p, cpu in cells), flush=True)


if __name__ == "__main__":
    main()
