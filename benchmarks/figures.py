"""What every benchmark shares: figures with their bars, a home of its own, timed processes."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MEGABYTE = 1e6


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value beside the promised one; ``bar`` is None for what is only shown."""

    name: str
    measured: float
    unit: str
    bar: float | None = None

    def __str__(self) -> str:
        bar = "" if self.bar is None else f"<= {self.bar:g} {self.unit}"
        verdict = "" if self.bar is None else "met" if self.measured <= self.bar else "MISSED"
        return f"{self.name:<58}{self.measured:>9.3g} {self.unit:<4}{bar:>14}  {verdict}".rstrip()


def show(*figures: Figure) -> None:
    """Print figures, one line each, and exit 1 if a bar was missed."""
    print(f"{'figure':<58}{'measured':>14}{'bar':>14}")
    for figure in figures:
        print(figure)
    if any(figure.bar is not None and figure.measured > figure.bar for figure in figures):
        sys.exit(1)


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
