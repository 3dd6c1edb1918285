"""Print the error rates and the power of the drift verdict, with their Monte-Carlo error.

Each row: case, measured rate and its standard error, bar, met or missed. Detected means
that the verdict is drift and, in one-column cases, that this column is flagged.

    python benchmarks/drift_rates.py --runs 200
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from calmops_flows.detectors import DETECTORS
from calmops_flows.detectors.decision import DriftPolicy, check
from calmops_flows.profiles import Profile, profile
from calmops_flows.records import DriftReport

if TYPE_CHECKING:
    from numpy.typing import NDArray

Draw = Callable[[np.random.Generator, int], pa.Table]
HEAVY_ROWS = 20_000


@dataclass(frozen=True)
class Row:
    """One case: what was measured against which bar."""

    case: str
    hits: int
    runs: int
    bar: float
    is_upper: bool

    def __str__(self) -> str:
        rate = self.hits / self.runs
        error = math.sqrt(max(rate * (1 - rate), self.bar * (1 - self.bar)) / self.runs)
        met = rate <= self.bar + 2 * error if self.is_upper else rate >= self.bar
        sign = "<=" if self.is_upper else ">="
        verdict = "met" if met else "MISSED"
        return f"{self.case:<62} {rate:6.3f} +- {error:.3f}  {sign} {self.bar:.2f}  {verdict}"


def normal(columns: int = 40, categories: int = 10) -> Draw:
    def draw(rng: np.random.Generator, n: int) -> pa.Table:
        data: dict[str, object] = {f"x{i}": rng.normal(size=n) for i in range(columns)}
        for i in range(categories):
            data[f"c{i}"] = words(rng.integers(0, 5 + 5 * i, n))
        return pa.table(data)

    return draw


def words(codes: NDArray[np.int64]) -> pa.Array:
    levels = pa.array([f"w{i}" for i in range(int(codes.max(initial=0)) + 1)])
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), levels)


def correlated(rng: np.random.Generator, n: int) -> pa.Table:
    common = rng.normal(size=n)
    return pa.table({f"x{i}": 0.9 * common + 0.44 * rng.normal(size=n) for i in range(50)})


def heavy(rng: np.random.Generator, n: int) -> pa.Table:
    draws = (
        lambda: rng.standard_cauchy(n),
        lambda: rng.lognormal(0, 2, n),
        lambda: rng.standard_t(3, n),
    )
    return pa.table({f"x{i}": draws[i % 3]() for i in range(50)})


def tied(rng: np.random.Generator, n: int) -> pa.Table:
    draws = (
        lambda: rng.poisson(1.0, n).astype(float),
        lambda: (rng.random(n) < 0.02).astype(float),
        lambda: np.rint(rng.normal(0, 30, n)),
        lambda: np.where(rng.random(n) < 0.97, 0.0, rng.lognormal(size=n)),
        lambda: rng.integers(0, 3, n).astype(float),
    )
    return pa.table({f"x{i}": draws[i % 5]() for i in range(50)})


def categories(rng: np.random.Generator, n: int) -> pa.Table:
    sizes = (5, 10, 20, 50, 100, 200, 500)
    flat = {f"c{i}": words(rng.integers(0, sizes[i % 7], n)) for i in range(25)}
    steep = {f"z{i}": words(np.minimum(rng.zipf(1.5, n), sizes[i % 7])) for i in range(25)}
    return pa.table({**flat, **steep})


def missing(rng: np.random.Generator, n: int) -> pa.Table:
    x = {f"x{i}": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)) for i in range(40)}
    c = {
        f"c{i}": pa.array(rng.integers(0, 8, n), mask=rng.random(n) < 0.2).cast(pa.string())
        for i in range(10)
    }
    return pa.table({**x, **c})


def serial(rng: np.random.Generator, n: int) -> pa.Table:
    noise = rng.normal(size=(n, 50))
    for t in range(1, n):
        noise[t] = 0.5 * noise[t - 1] + math.sqrt(0.75) * noise[t]
    return pa.table({f"x{i}": noise[:, i].copy() for i in range(50)})


def summary(table: pa.Table, key: str | None) -> Profile:
    return profile(table, key=key)


def report(
    rng: np.random.Generator,
    before: Draw,
    after: Draw,
    n: int,
    policy: DriftPolicy,
    m: int | None = None,
) -> DriftReport:
    keys = [str(rng.integers(2**62)) if policy.multivariate != "off" else None for _ in range(2)]
    reference = summary(before(rng, n), keys[0])
    return check(reference, summary(after(rng, m or n), keys[1]), policy)


def with_column(name: str, column: Callable[[np.random.Generator, int], object]) -> Draw:
    base = normal()

    def draw(rng: np.random.Generator, n: int) -> pa.Table:
        table = base(rng, n)
        place = table.column_names.index(name) if name in table.column_names else None
        array = column(rng, n)
        array = array if isinstance(array, pa.Array) else pa.array(array, from_pandas=False)
        if place is None:
            return table.append_column(name, array)
        return table.set_column(place, name, array)

    return draw


def any_alarm(runs: int, policy: DriftPolicy) -> Iterator[Row]:
    cases: list[tuple[str, Draw, int, int | None]] = [
        ("no drift, 300 x 50", normal(), 300, None),
        ("no drift, 1k x 50", normal(), 1_000, None),
        ("no drift, 10k x 50", normal(), 10_000, None),
        ("no drift, 100k x 50", normal(), 100_000, None),
        ("no drift, 10k against 300 x 50", normal(), 10_000, 300),
        ("correlated columns, 1k x 50", correlated, 1_000, None),
        ("heavy tails, 1k x 50", heavy, 1_000, None),
        ("heavy tails, 10k against 200 x 50", heavy, 10_000, 200),
        ("ties, 1k x 50", tied, 1_000, None),
        ("ties, 10k against 200 x 50", tied, 10_000, 200),
        ("5-500 categories, 1k x 50", categories, 1_000, None),
        ("5-500 categories, 10k against 500 x 50", categories, 10_000, 500),
        ("20 % missing, 1k x 50", missing, 1_000, None),
        ("no drift, 60 x 50", normal(), 60, None),
    ]
    for case, draw, n, m in cases:
        some = runs if n < HEAVY_ROWS else max(runs // 10, 20)
        rng = np.random.default_rng([1, n, m or n])
        hits = sum(bool(report(rng, draw, draw, n, policy, m).is_drift) for _ in range(some))
        yield Row(case, hits, some, 0.05, is_upper=True)
    block = DriftPolicy(dependence="block")
    rng = np.random.default_rng(2)
    some = max(runs // 2, 20)
    hits = sum(bool(report(rng, serial, serial, 2_000, block).is_drift) for _ in range(some))
    yield Row("AR(1) 0.5, dependence: block, 2k x 50", hits, some, 0.10, is_upper=True)


def power(runs: int, policy: DriftPolicy) -> Iterator[Row]:
    levels = np.full(10, 0.1)
    moved = np.array([0.15, *[0.85 / 9] * 9])
    cases: list[tuple[str, str, Draw, Draw, int, float]] = [
        (
            "+0.2 sd in 1 of 50 columns, 1k",
            "x7",
            normal(),
            with_column("x7", lambda r, n: r.normal(0.2, 1, n)),
            1_000,
            0.72,
        ),
        (
            "variance x 1.3 in 1 of 50 columns, 2k",
            "x7",
            normal(),
            with_column("x7", lambda r, n: r.normal(0, math.sqrt(1.3), n)),
            2_000,
            0.80,
        ),
        (
            "one category 10 -> 15 % of ten, 3k",
            "k",
            with_column("k", lambda r, n: words(r.choice(10, n, p=levels))),
            with_column("k", lambda r, n: words(r.choice(10, n, p=moved))),
            3_000,
            0.85,
        ),
        (
            "missing rate 2 -> 5 %, 2k",
            "x7",
            with_column("x7", lambda r, n: np.where(r.random(n) < 0.02, np.nan, r.normal(size=n))),
            with_column("x7", lambda r, n: np.where(r.random(n) < 0.05, np.nan, r.normal(size=n))),
            2_000,
            0.85,
        ),
        (
            "new category at 1 %, 2k",
            "k",
            with_column("k", lambda r, n: words(r.integers(0, 9, n))),
            with_column(
                "k", lambda r, n: words(np.where(r.random(n) < 0.01, 9, r.integers(0, 9, n)))
            ),
            2_000,
            0.85,
        ),
    ]
    for case, name, before, after, n, bar in cases:
        rng = np.random.default_rng([3, n, len(case)])
        reports = (report(rng, before, after, n, policy) for _ in range(runs))
        hits = sum(r.is_drift is True and name in r.drifted for r in reports)
        yield Row(case, hits, runs, bar, is_upper=False)
    yield from joint_power(runs)


def joint_power(runs: int) -> Iterator[Row]:
    def dependent(rng: np.random.Generator, n: int) -> pa.Table:
        table = normal()(rng, n)
        common = rng.normal(size=n)
        for i in range(5):
            x = math.sqrt(0.7) * common + math.sqrt(0.3) * rng.normal(size=n)
            table = table.set_column(i, f"x{i}", pa.array(x))
        return table

    rng = np.random.default_rng(5)
    some = max(runs // 2, 20)
    reports = (report(rng, normal(), dependent, 1_000, DriftPolicy()) for _ in range(some))
    hits = sum(bool(r.is_drift) for r in reports)
    yield Row("correlation 0.7 among 5 of 50 columns, 1k", hits, some, 0.98, is_upper=False)


def small_but_significant(runs: int) -> Iterator[Row]:
    rng, some = np.random.default_rng(7), max(runs // 10, 20)
    off = DriftPolicy(multivariate="off")
    alarms = significant = 0
    for _ in range(some):
        before, after = rng.normal(size=1_000_000), rng.normal(0.005, 1, 1_000_000)
        found = check(profile(pa.table({"x": before})), profile(pa.table({"x": after})), off)
        alarms += found.is_drift is True
        significant += any((c.adjusted_p_value or 1.0) <= 0.05 for c in found.columns)
    yield Row("1M rows, shift 0.5 % of sd: alarm", alarms, some, 0.05, is_upper=True)
    yield Row("1M rows, shift 0.5 % of sd: significant", significant, some, 0.5, is_upper=False)


def single_tests(runs: int) -> Iterator[Row]:
    """Null rate of each detector alone at the level 0.05."""
    shapes: dict[str, list[tuple[str, Callable[[np.random.Generator, int], object], int, int]]] = {
        "numeric": [
            ("normal 1k/1k", lambda r, n: r.normal(size=n), 1_000, 1_000),
            ("normal 60/40", lambda r, n: r.normal(size=n), 60, 40),
            ("lognormal 10k/500", lambda r, n: r.lognormal(0, 2, n), 10_000, 500),
            ("poisson 1k/500", lambda r, n: r.poisson(2.0, n).astype(float), 1_000, 500),
            ("normal 40k/40k", lambda r, n: r.normal(size=n), 40_000, 40_000),
        ],
        "categorical": [
            (f"{k} levels {n}/{m}", lambda r, n, k=k: words(r.integers(0, k, n)), n, m)  # type: ignore[misc]
            for k, n, m in (
                (5, 300, 300),
                (20, 1_000, 1_000),
                (200, 1_000, 1_000),
                (50, 10_000, 500),
            )
        ],
    }
    for kind, cases in shapes.items():
        for case, draw, n, m in cases:
            hits = {key: 0 for key, d in DETECTORS.items() if kind in d.kinds}
            some = max(runs // 4, 20) if n > HEAVY_ROWS else runs
            rng = np.random.default_rng([11, n, m])
            for _ in range(some):
                a, b = (profile(pa.table({"x": draw(rng, size)})).columns["x"] for size in (n, m))
                for key in hits:
                    found = DETECTORS[key](a, b)
                    hits[key] += found is not None and (found.p_value or 1.0) <= 0.05
            for key, times in hits.items():
                yield Row(f"{key} alone, {case}", times, some, 0.05, is_upper=True)


def snapshots(references: int, n_snapshots: int) -> Iterator[str]:
    """Count false-alarm snapshots against one reference, over fresh references."""
    policy, counts = DriftPolicy(alpha=0.01, multivariate="off"), []
    for seed in range(references):
        rng = np.random.default_rng([13, seed])
        draw = normal(15, 5)
        reference = profile(draw(rng, 1_000))
        counts.append(
            sum(
                bool(check(reference, profile(draw(rng, 1_000)), policy).is_drift)
                for _ in range(n_snapshots)
            )
        )
    mean, error = np.mean(counts), np.std(counts) / math.sqrt(references)
    budget = n_snapshots * policy.alpha
    verdict = "met" if mean <= budget + 2 * error else "MISSED"
    yield (
        f"{n_snapshots} snapshots x {references} references: mean {mean:.2f} +- {error:.2f} "
        f"alarms, budget {budget:.1f}, quartiles {np.percentile(counts, [25, 50, 75]).tolist()}, "
        f"largest {max(counts)}  {verdict}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--only", choices=["null", "power", "small", "single", "time"])
    parser.add_argument("--multivariate", default="auto")
    parser.add_argument("--references", type=int, default=20)
    parser.add_argument("--snapshots", type=int, default=500)
    given = parser.parse_args()
    policy = DriftPolicy(multivariate=given.multivariate)
    parts: dict[str, Callable[[], Iterator[object]]] = {
        "null": lambda: any_alarm(given.runs, policy),
        "power": lambda: power(given.runs, policy),
        "small": lambda: small_but_significant(given.runs),
        "single": lambda: single_tests(given.runs),
        "time": lambda: snapshots(given.references, given.snapshots),
    }
    for name, part in parts.items():
        if given.only in {None, name}:
            for row in part():
                print(row, flush=True)


if __name__ == "__main__":
    main()
