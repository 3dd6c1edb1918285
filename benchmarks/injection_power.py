"""Print how often drift that `inject` puts into one of 20 columns is found, and false alarms.

Reference and snapshot of 1,000 rows: ten normal columns, five lognormal, five of whole numbers.
Every run shifts the next column by half a standard deviation. Found means that the verdict is
drift and names this column. At magnitude 0 the injector must change no cell, and any alarm is
false.

    python -m benchmarks.injection_power --runs 400
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from benchmarks.figures import Figure, rate, report
from calmops_flows.api import detect_drift
from calmops_flows.generators import inject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

ROWS, COLUMNS = 1_000, 20
HALF = 0.5
BAR, ALPHA = 0.95, 0.05


def table(rng: np.random.Generator) -> pd.DataFrame:
    parts: list[NDArray[Any]] = [
        rng.standard_normal((ROWS, 10)),
        rng.lognormal(size=(ROWS, 5)),
        rng.poisson(20, (ROWS, 5)),
    ]
    return pd.DataFrame({f"x{i}": column for i, column in enumerate(_columns(parts))})


def _columns(parts: list[NDArray[Any]]) -> Iterator[NDArray[Any]]:
    for part in parts:
        yield from part.T


def verdicts(runs: int, magnitude: float) -> Iterator[tuple[bool, str, tuple[str, ...], int]]:
    """Yield for each run: alarm, column that was shifted, columns named, cells changed."""
    for run in range(runs):
        rng = np.random.default_rng([9, run, round(1_000 * magnitude)])
        reference, arrived = table(rng), table(rng)
        column = f"x{run % COLUMNS}"
        step = {"kind": "shift", "columns": [column], "magnitude": magnitude}
        done = inject(arrived, step, random_state=run)
        found = detect_drift(reference, done.data)
        yield found.is_drift is True, column, found.drifted, len(done.log)


def figures(runs: int) -> Iterator[Figure]:
    shifted = list(verdicts(runs, HALF))
    hits = sum(is_drift and column in named for is_drift, column, named, _ in shifted)
    yield rate("0.5 sd in 1 of 20 columns, 1,000 rows: found", hits, runs, BAR, is_floor=True)
    others = sum(bool(set(named) - {column}) for _, column, named, _ in shifted)
    yield rate("the same: another column named as well", others, runs)
    still = list(verdicts(runs, 0.0))
    yield rate("magnitude 0: any alarm", sum(one[0] for one in still), runs, ALPHA)
    yield Figure("magnitude 0: cells changed", sum(one[3] for one in still), "", 0.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    report(figures(parser.parse_args().runs))


if __name__ == "__main__":
    main()
