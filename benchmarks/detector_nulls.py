"""Print the null rate of every column test alone, at the level 0.05, with its Monte-Carlo error.

Its parts: ``sizes``, each test on several laws and sizes; ``streamed``, each on 1,000,000 rows
that are profiled in eight parts and merged; ``flat``, PSI, Jensen-Shannon and chi-square over
rows and numbers of categories; ``frouros`` and ``evidently``, the alarms of those on draws of the
same laws (PSI beyond 0.1 on numbers, chi-square below 0.05 on categories).

    python -m benchmarks.detector_nulls --runs 200
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from benchmarks.draws import words
from benchmarks.drift_rates import fewer
from benchmarks.figures import Figure, family, rate, report
from calmops_flows.detectors import DETECTORS
from calmops_flows.profiles import merge, profile

if TYPE_CHECKING:
    from calmops_flows.profiles import Column

Rng = np.random.Generator
Count = tuple[str, str, int, int]
LEVEL = 0.05
SUSPECT = 2.5
NUMERIC: dict[str, Callable[[Rng, int], Any]] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "lognormal": lambda rng, n: rng.lognormal(0, 2, n),
    "Poisson": lambda rng, n: rng.poisson(2.0, n).astype(float),
    "normal, 20 % missing": lambda rng, n: np.where(
        rng.random(n) < 0.2, np.nan, rng.normal(size=n)
    ),
}
NUMERIC_SIZES = ((1_000, 1_000), (60, 40), (10_000, 500), (40_000, 40_000))
LEVEL_SIZES = ((5, 300, 300), (20, 1_000, 1_000), (200, 1_000, 1_000), (50, 10_000, 500))
STREAM_ROWS, STREAM_PARTS, STREAM_RUNS = 1_000_000, 8, 100
FLAT = ("psi", "jensen_shannon", "chi_square")
FLAT_ROWS, FLAT_LEVELS = (300, 1_000, 10_000, 100_000), (5, 20, 50, 200, 500)


def levels(k: int) -> Callable[[Rng, int], Any]:
    return lambda rng, n: words(rng.integers(0, k, n))


def column(values: object) -> Column:
    return profile(pa.table({"x": values})).columns["x"]


def in_parts(values: Any, *, n_rows: int = STREAM_ROWS) -> Column:
    """Summarise row group by row group, and merge."""
    size = n_rows // STREAM_PARTS
    parts = (pa.table({"x": values[i : i + size]}) for i in range(0, n_rows, size))
    return reduce(merge, map(profile, parts)).columns["x"]


def alone(
    case: str,
    kind: str,
    draw: Callable[[Rng, int], Any],
    sizes: tuple[int, int],
    runs: int,
    *,
    summary: Callable[[Any], Column] = column,
    only: tuple[str, ...] = (),
) -> Iterator[Count]:
    """Count how often each test of a kind rejects; a test that stays out never does.

    Hundreds of cases hold some that look bad by chance. One that does is said, and measured again
    on fresh draws with ten times the runs; that second count, whatever it is, takes its place.
    """
    names = only or tuple(key for key, detector in DETECTORS.items() if kind in detector.kinds)
    hits = count(names, draw, sizes, runs, summary, [11, *sizes, len(case)])
    limit = LEVEL + SUSPECT * math.sqrt(LEVEL * (1 - LEVEL) / runs)
    suspects = tuple(name for name in names if hits[name] / runs > limit)
    if suspects:
        first = ", ".join(f"{name} {hits[name]}/{runs}" for name in suspects)
        print(f"measured again, {case}: {first}", flush=True)
        again = count(suspects, draw, sizes, 10 * runs, summary, [12, *sizes, len(case)])
    for name in names:
        if name in suspects:
            yield name, f"{name} alone, {case}, again", again[name], 10 * runs
        else:
            yield name, f"{name} alone, {case}", hits[name], runs


def count(
    names: tuple[str, ...],
    draw: Callable[[Rng, int], Any],
    sizes: tuple[int, int],
    runs: int,
    summary: Callable[[Any], Column],
    seed: list[int],
) -> dict[str, int]:
    """Count the rejections of some tests on the same draws."""
    hits = dict.fromkeys(names, 0)
    rng = np.random.default_rng(seed)
    for _ in range(runs):
        before, after = (summary(draw(rng, size)) for size in sizes)
        for name in names:
            found = DETECTORS[name](before, after)
            p_value = None if found is None else found.p_value
            hits[name] += p_value is not None and p_value <= LEVEL
    return hits


def by_size(runs: int) -> Iterator[Count]:
    for law, draw in NUMERIC.items():
        for n, m in NUMERIC_SIZES:
            yield from alone(f"{law} {n:,}/{m:,}", "numeric", draw, (n, m), fewer(runs, n))
    for k, n, m in LEVEL_SIZES:
        yield from alone(f"{k} levels {n:,}/{m:,}", "categorical", levels(k), (n, m), runs)


def million(runs: int) -> Iterator[Count]:
    rows, some = (STREAM_ROWS, STREAM_ROWS), min(runs, STREAM_RUNS)
    for law in ("normal", "lognormal"):
        case = f"{law}, 1M rows streamed"
        yield from alone(case, "numeric", NUMERIC[law], rows, some, summary=in_parts)
    for k in (20, 500):
        case = f"{k} levels, 1M rows streamed"
        yield from alone(case, "categorical", levels(k), rows, some, summary=in_parts)


def flat(runs: int) -> Iterator[Count]:
    for n in FLAT_ROWS:
        some = fewer(runs, n)
        yield from alone(f"normal {n:,}", "numeric", NUMERIC["normal"], (n, n), some, only=FLAT[:2])
        for k in FLAT_LEVELS:
            yield from alone(f"{k} levels {n:,}", "categorical", levels(k), (n, n), some, only=FLAT)


def frouros_psi(runs: int) -> Iterator[Figure]:
    from benchmarks.peer_tools.frouros_peer import psi_alarm

    for law in ("normal", "lognormal"):
        for n in FLAT_ROWS[:-1]:
            rng = np.random.default_rng([12, n])
            hits = sum(psi_alarm(*(NUMERIC[law](rng, n) for _ in range(2))) for _ in range(runs))
            yield rate(f"frouros' PSI > 0.1, {law} {n:,}", hits, runs)


def evidently_chi_square(runs: int) -> Iterator[Figure]:
    from benchmarks.peer_tools.evidently_peer import chi_square_alarm

    for n in FLAT_ROWS[:-1]:
        for k in FLAT_LEVELS:
            rng = np.random.default_rng([13, n, k])
            draw, hits = levels(k), 0
            for _ in range(runs):
                hits += chi_square_alarm(*(draw(rng, n).to_pandas() for _ in range(2)))
            yield rate(f"Evidently's chi-square, {k} levels {n:,}", hits, runs)


def by_test(counts: Iterator[Count]) -> Iterator[Figure]:
    """Judge each test's cases as one family."""
    cases: dict[str, list[tuple[str, int, int]]] = {}
    for name, label, hits, runs in counts:
        cases.setdefault(name, []).append((label, hits, runs))
    for name, members in cases.items():
        yield from family(f"{name} alone", members, LEVEL)


PARTS: dict[str, Callable[[int], Iterator[Figure]]] = {
    "sizes": lambda runs: by_test(by_size(runs)),
    "streamed": lambda runs: by_test(million(runs)),
    "flat": lambda runs: by_test(flat(runs)),
    "frouros": frouros_psi,
    "evidently": evidently_chi_square,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--only", choices=list(PARTS), action="append")
    given = parser.parse_args()
    report(figure for name in given.only or PARTS for figure in PARTS[name](given.runs))


if __name__ == "__main__":
    main()
