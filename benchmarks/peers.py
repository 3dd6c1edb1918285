"""Our verdict and those of the peers side by side, on the same tables and with their own defaults.

CPU seconds of a warm verdict on 40 numeric and 10 categorical columns, from two DataFrames (so the
reference is read again each time, as most peers must); and how often some column alarms without
drift, the shifted column is flagged (+0.2 sd in one), and anything alarms when only a correlation
changes. Evidently and frouros are in this environment; the others get one of their own under
``build/peers`` (about 3 GB and some minutes, once), and one that does not install is said so.

    python -m benchmarks.peers --rows 100000 --runs 20
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, rate, report
from benchmarks.peer_tools.environments import OWN, PEERS, ask

if TYPE_CHECKING:
    from collections.abc import Iterator

COLUMNS = 50
RATE_ROWS = 1_000
BOUND_SECONDS = 600.0
CASES = {
    "null": "no drift: some alarm",
    "shift": "+0.2 sd in 1 of 50: flagged",
    "correlation": "rho 0.7 among 5: some alarm",
}


def speeds(names: list[str], n_rows: int) -> Iterator[Figure]:
    for name in names:
        found = ask(name, "speed", n_rows, COLUMNS, seconds=BOUND_SECONDS)
        if found is not None:
            label = f"{name} {ask(name, 'version', seconds=BOUND_SECONDS)}, {n_rows:,} x {COLUMNS}"
            yield Figure(f"{label} ({found['flagged']} flagged of 5)", found["seconds"], "s")


def rates(names: list[str], runs: int) -> Iterator[Figure]:
    for name in names:
        found = ask(name, "rates", runs, RATE_ROWS, seconds=BOUND_SECONDS)
        for case, label in CASES.items() if found is not None else ():
            hits, done = found[case]
            bar = 0.05 if (name, case) == (OWN, "null") else None
            yield rate(f"{name}, 1k x 50, {label} ({done} runs)", hits, done, bar)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--only", choices=list(PEERS), action="append")
    parser.add_argument("--question", choices=["both", "speed", "rates"], default="both")
    given = parser.parse_args()
    names = given.only or list(PEERS)

    def figures() -> Iterator[Figure]:
        if given.question != "rates":
            yield from speeds(names, given.rows)
        if given.question != "speed":
            yield from rates(names, given.runs)

    report(figures())


if __name__ == "__main__":
    main()
