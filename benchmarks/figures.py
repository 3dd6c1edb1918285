"""What every benchmark shares: figures with their bars, a home of its own, timed processes."""

from __future__ import annotations

import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MEGABYTE = 1e6
RESULTS = "BENCH_RESULTS"  # not CALMOPS_...: `own_home` clears those


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value beside the promised one; ``bar`` is None for what is only shown.

    ``error`` is the Monte-Carlo standard error. A rate that must stay below its bar may exceed it
    by ``allowance`` of them; one that must reach its bar must do so itself.
    """

    name: str
    measured: float
    unit: str
    bar: float | None = None
    error: float | None = None
    is_floor: bool = False
    allowance: float = 2.0

    @property
    def is_met(self) -> bool | None:
        """Whether the bar was met; None without a bar."""
        if self.bar is None:
            return None
        if self.is_floor:
            return self.measured >= self.bar
        return self.measured <= self.bar + self.allowance * (self.error or 0.0)

    def __str__(self) -> str:
        bar = "" if self.bar is None else f"{'>=' if self.is_floor else '<='} {self.bar:g}"
        error = "" if self.error is None else f"±{self.error:.2g}"
        verdict = {None: "", True: "met", False: "MISSED"}[self.is_met]
        measured = f"{self.measured:.3g}"
        return f"{self.name:<66}{measured:>9}{error:>8} {self.unit:<4}{bar:>10}  {verdict}".rstrip()


HEADER = f"{'figure':<66}{'measured':>9}{'error':>8} {'unit':<4}{'bar':>10}"


def rate(
    name: str, hits: int, runs: int, bar: float | None = None, *, is_floor: bool = False
) -> Figure:
    """Return a rate with its standard error; that of a rate at the bar if it must stay below."""
    p = hits / runs
    sure = p if bar is None or is_floor else bar
    return Figure(name, p, "", bar, math.sqrt(sure * (1 - sure) / runs), is_floor)


def family(name: str, members: Iterable[tuple[str, int, int]], bar: float) -> Iterator[Figure]:
    """Return the rate of each member (its name, hits, runs) below one bar, and of all together.

    Of many rates some exceed the bar by two errors by chance. So each member is allowed the errors
    that leave all of them together the chance that two leave one (Bonferroni), and the rate of all
    together, whose error is small, two.
    """
    known = list(members)
    allowance = statistics.NormalDist().inv_cdf(1.0 - 0.0228 / len(known))
    for label, hits, runs in known:
        yield replace(rate(label, hits, runs, bar), allowance=max(allowance, 2.0))
    total, runs = sum(hits for _, hits, _ in known), sum(runs for _, _, runs in known)
    yield rate(f"{name}: all {len(known)} together", total, runs, bar)


def report(figures: Iterable[Figure]) -> None:
    """Print figures as they come, keep them for `run_all`, and exit 1 if a bar was missed."""
    print(HEADER)
    results = os.environ.get(RESULTS)
    is_missed = False
    for figure in figures:
        print(figure, flush=True)
        is_missed |= figure.is_met is False
        if results is not None:
            with Path(results).open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(figure)) + "\n")
    if is_missed:
        sys.exit(1)


def show(*figures: Figure) -> None:
    """Do as `report` does with figures that are known already."""
    report(figures)


@contextmanager
def own_home() -> Iterator[Path]:
    """Point ``CALMOPS_HOME`` to a temporary folder, without Prefect, and give its parent."""
    for name in [name for name in os.environ if name.startswith("CALMOPS_")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory(prefix="calmops-bench-") as folder:
        os.environ["CALMOPS_HOME"] = str(Path(folder) / "home")
        os.environ["CALMOPS_PREFECT"] = "off"
        yield Path(folder)


def process_seconds(command: Sequence[str], *, repeats: int = 7) -> float:
    """Run a command several times and return its median wall-clock seconds."""
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def rss_megabytes() -> float:
    """Return the resident memory of this process now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / MEGABYTE


def peak_rss_megabytes() -> float:
    """Return the highest resident memory since the start or the last reset."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / MEGABYTE
    raise RuntimeError("this system does not report VmHWM")


def reset_peak_rss() -> None:
    """Let the highest resident memory count from now on."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
