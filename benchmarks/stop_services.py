"""Ctrl-C of a real `calmops up`: how long until Prefect's server and all others have ended.

Server, worker, watcher and dashboard are started on free ports with a home of their own; when
all answer, the process gets SIGINT, as from a terminal.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from benchmarks.figures import Figure, own_home, show
from tests.servers.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

BAR_SECONDS = 10.0
START_SECONDS = 240.0
QUIET_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How the tree ended: exit code, seconds, and processes that were left (there are none)."""

    code: int
    seconds: float
    left: tuple[str, ...]


@contextmanager
def running_up(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run all services in the foreground of a process; give it when all of them answer."""
    ports = {name: free_port() for name in ("server", "worker", "dashboard")}
    options = [word for name, port in ports.items() for word in (f"--{name}-port", str(port))]
    own = {"CALMOPS_HOME": str(home), "PREFECT_HOME": str(home / "prefect")}
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "CALMOPS_"))}
    command = [sys.executable, "-m", "calmops_flows.cli.main", "up", *options]
    with (home / "said").open("wb") as out:
        process = subprocess.Popen(command, env=kept | own, stdout=out, stderr=out)
    try:
        for path in (
            f"{ports['server']}/api/health",
            f"{ports['worker']}/health",
            f"{ports['dashboard']}/_stcore/health",
        ):
            _wait(f"http://127.0.0.1:{path}", process, home / "said")
        yield process
    finally:
        process.kill()  # its services are tied to it
        process.wait()


def end(process: subprocess.Popen[bytes], number: signal.Signals = signal.SIGINT) -> Ended:
    """Send a signal, and wait until the process and all that it started have ended."""
    tree = psutil.Process(process.pid).children(recursive=True)
    started = time.perf_counter()
    process.send_signal(number)
    code = process.wait(timeout=START_SECONDS)
    seconds = time.perf_counter() - started
    left = tuple(one.name() for one in tree if one.is_running())
    return Ended(code, seconds, left)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    taken = []
    with own_home() as folder:
        for number in range(rounds):
            home = folder / f"up{number}"
            home.mkdir()
            with running_up(home) as process:
                time.sleep(QUIET_SECONDS)
                ended = end(process)
            if ended.code != 128 + signal.SIGINT or ended.left:
                sys.exit(f"wrong end: {ended}")
            taken.append(ended.seconds)
    name = f"calmops up: Ctrl-C to the end of all services, longest of {rounds}"
    show(Figure(name, max(taken), "s", BAR_SECONDS))


def _wait(url: str, process: subprocess.Popen[bytes], said: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    raise RuntimeError(f"{url} does not answer:\n{said.read_text(errors='replace')[-4000:]}")


if __name__ == "__main__":
    main()
