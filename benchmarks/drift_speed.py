"""Print the CPU seconds of a profile and a check, warm, against a saved reference; and its memory.

Four numeric columns for each categorical one, a tenth of them drifted; the default verdict with its
joint test. Each case has a process of its own: the first check shows the memory, the fastest of the
next ones the time. Then the import of the detection path, in fresh processes, and what it may not
load. ``--peers`` adds scipy's KS on the numeric columns alone; `benchmarks.peers` has the others.

    python -m benchmarks.drift_speed --case "100k x 50" --peers
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.draws import batch
from benchmarks.figures import (
    MEGABYTE,
    Figure,
    peak_rss_megabytes,
    report,
    reset_peak_rss,
    rss_megabytes,
)
from calmops_flows.detectors.decision import DriftPolicy, check
from calmops_flows.profiles import from_bytes, profile, to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Case:
    """Size of a batch, the bar of its verdict, and that of its memory where it has one."""

    rows: int
    columns: int
    seconds: float
    growth: float | None = None


CASES = {
    "100k x 50": Case(100_000, 50, 0.35),
    "1M x 50": Case(1_000_000, 50, 3.5, 0.5),
    "1,400 x 380": Case(1_400, 380, 1.5),
    "3,000 x 1,000": Case(3_000, 1_000, 5.0),
}
REPEATS = 5
IMPORT_REPEATS = 3
IMPORT_BAR = 1.2
FORBIDDEN = ("pandas", "scipy.stats", "river", "frouros", "sklearn", "evidently", "prefect")
IMPORTS = f"""
import resource, sys
import calmops_flows.detectors.decision, calmops_flows.profiles
used = resource.getrusage(resource.RUSAGE_SELF)
heavy = [name for name in {FORBIDDEN} if name in sys.modules]
print(used.ru_utime + used.ru_stime, *heavy)
"""


def measure(case: Case) -> dict[str, Any]:
    """Measure one case in this process."""
    reference = to_bytes(profile(batch(case.rows, case.columns, seed=0), key="reference"))
    current = batch(case.rows, case.columns, seed=1, drifted=True)
    reset_peak_rss()
    before = rss_megabytes()
    spent = []
    for number in range(REPEATS + 1):
        started = time.process_time()
        summary = profile(current, key="current")
        middle = time.process_time()
        found = check(from_bytes(reference), summary, DriftPolicy())
        spent.append((middle - started, time.process_time() - middle))
        if not found.is_drift:
            raise AssertionError("a tenth of the columns has moved, and no drift was found")
        if number == 0:
            growth = peak_rss_megabytes() - before
    building, checking = min(spent[1:], key=sum)
    return {
        "building": building,
        "checking": checking,
        "cold": sum(spent[0]),
        "growth": growth / (current.nbytes / MEGABYTE),
    }


def scipy_ks(case: Case) -> float:
    from scipy.stats import ks_2samp

    before, after = batch(case.rows, case.columns, seed=0), batch(case.rows, case.columns, seed=1)
    started = time.process_time()
    for name in before.column_names:
        if name.startswith("x"):
            ks_2samp(before[name].to_numpy(), after[name].to_numpy())
    return time.process_time() - started


def speeds(names: list[str], *, with_peers: bool) -> Iterator[Figure]:
    for name in names:
        case = CASES[name]
        command = [sys.executable, "-m", "benchmarks.drift_speed", "--child", name]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        found = json.loads(done.stdout)
        total = found["building"] + found["checking"]
        yield Figure(f"{name}: verdict, warm, CPU time", total, "s", case.seconds)
        yield Figure(f"{name}: of which the profile", found["building"], "s")
        yield Figure(f"{name}: first verdict of a process", found["cold"], "s")
        if case.growth is not None:
            growth = f"{name}: memory growth / loaded batch"
            yield Figure(growth, found["growth"], "x", case.growth)
        if with_peers:
            yield Figure(f"{name}: scipy's KS on the numbers alone", scipy_ks(case), "s")


def import_seconds() -> Iterator[Figure]:
    spent, heavy = [], set()
    for _ in range(IMPORT_REPEATS):
        done = subprocess.run(
            [sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=True
        )
        seconds, *loaded = done.stdout.split()
        spent.append(float(seconds))
        heavy.update(loaded)
    print(f"the detection path imports none of {', '.join(sorted({*FORBIDDEN} - heavy))}")
    median = statistics.median(spent)
    yield Figure("import of the detection path, whole process, CPU time", median, "s", IMPORT_BAR)
    yield Figure(f"heavy modules it loads: {', '.join(heavy) or 'none'}", len(heavy), "", 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", choices=["all", *CASES], default="all")
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--child", choices=list(CASES), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(measure(CASES[given.child])))
        return
    names = list(CASES) if given.case == "all" else [given.case]

    def figures() -> Iterator[Figure]:
        print(f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        yield from speeds(names, with_peers=given.peers)
        yield from import_seconds()

    report(figures())


if __name__ == "__main__":
    main()
