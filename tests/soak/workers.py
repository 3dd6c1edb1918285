"""The workers of a soak: two at a time, killed, stopped, told to end, out of disk."""

from __future__ import annotations

import io
import os
import random
import signal
import sys
import time
from collections import Counter
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from calmops_flows.cli.main import main
from tests.faults import workload

PIPELINE = "soak"
N_WORKERS = 2
LEASE_SECONDS = 1.0
# Durable writes that a drain passes, and up to which passage one of them fails.
POINTS = {
    "artifact.put": 30,
    "commit.snapshot": 3,
    "export.write": 3,
    "ledger.attempt": 3,
    "ledger.quarantine": 2,
    "ledger.register": 2,
    "ledger.return_attempt": 1,
    "lease.acquire": 1,
    "lease.heartbeat": 2,
    "lease.release": 1,
    "outbox.acknowledge": 3,
}


def run(_source: Path) -> None:
    """Run the pipeline by its name, as ``calmops run`` does."""
    with redirect_stdout(io.StringIO()):
        code = main(["run", PIPELINE, "--no-prefect"])
    sys.exit(code)


def roll_back(_source: Path) -> None:
    """Let the champion before serve again, by hand."""
    with redirect_stdout(io.StringIO()):
        code = main(["rollback", PIPELINE])
    sys.exit(code)


def _send(pid: int, number: int) -> None:
    """Send a signal to a worker that may have ended since it was looked at.

    Workers are children of the fork server, which reaps them at once: their id is gone
    the moment they end, and only later does this process learn of it.
    """
    with suppress(ProcessLookupError):
        os.kill(pid, number)


@dataclass
class Workers:
    """Starts workers, and does to them what machines do."""

    home: Path
    source: Path
    rng: random.Random
    told: Counter[str] = field(default_factory=Counter)
    _alive: list[ForkServerProcess] = field(default_factory=list)
    _stopped: dict[int, float] = field(default_factory=dict)

    def tend(self) -> None:
        """Count who has ended, wake who was stopped long enough, start who is missing."""
        for process in list(self._alive):
            if not process.is_alive():
                self._alive.remove(process)
                self._stopped.pop(process.pid or 0, None)
                self.told[f"exit {process.exitcode}"] += 1
        for pid, until in list(self._stopped.items()):
            if time.monotonic() >= until:
                del self._stopped[pid]
                _send(pid, signal.SIGCONT)
        while len(self._alive) < N_WORKERS:
            self._start()

    def meddle(self) -> None:
        """Perhaps do something to a worker that is at work."""
        (what,) = self.rng.choices(
            ["nothing", "kill", "stop", "terminate", "interrupt", "roll back"],
            [70, 12, 6, 4, 4, 4],
        )
        if what == "roll back":
            self._alive.append(workload.started(roll_back, self.home, self.source))
        elif what != "nothing":
            process = self.rng.choice(self._alive)
            numbers = {"kill": 9, "stop": 19, "terminate": 15, "interrupt": 2}
            if process.pid is not None and process.is_alive():
                _send(process.pid, numbers[what])
                if what == "stop":
                    self._stopped[process.pid] = time.monotonic() + 2 * LEASE_SECONDS
        self.told[what] += 1

    def end(self) -> None:
        """Kill all that are left."""
        for process in self._alive:
            process.kill()
            process.join()
        self._alive.clear()
        self._stopped.clear()

    def _start(self) -> None:
        fault = ""
        if self.rng.random() < 0.5:
            point = self.rng.choice(list(POINTS))
            passage = self.rng.randint(1, POINTS[point])
            kind = self.rng.choice(["kill", "kill", "enospc", "eio"])
            side = self.rng.choice(["before", "after"])
            fault = f"{point}.{side}:{passage}:{kind}"
            self.told[f"fault {kind}"] += 1
        process = workload.started(
            run,
            self.home,
            self.source,
            CALMOPS_FAULT=fault,
            CALMOPS_LEASE_SECONDS=str(LEASE_SECONDS),
        )
        self._alive.append(process)
