"""Workers on machines of their own: other host names, homes and working folders.

What they share is one database and one object store. Where a test wants it, a worker stops at
a fault point, says so, and waits until it is told to go on.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Engine, event

from calmops_flows import api, faults
from calmops_flows.cli.main import main
from calmops_flows.spec import PipelineSpec, parse_spec
from calmops_flows.store import open_store
from tests.faults import workload

PATIENCE_SECONDS = 120.0
IN_TRANSACTION = "INSERT INTO outcomes"


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker that runs; ``folder`` holds its home, its log and the files that steer it."""

    process: ForkServerProcess
    folder: Path

    def wait_until_paused(self) -> None:
        """Wait until the worker has come to where it was told to stop."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (self.folder / "paused").exists():
            assert self.process.is_alive(), self.log()
            assert time.monotonic() < deadline, "the worker does not come to its stop"
            time.sleep(0.02)

    def go_on(self) -> None:
        """Let a paused worker go on."""
        (self.folder / "go").touch()

    def end(self) -> int:
        """Wait for the worker's end and return its exit code."""
        self.process.join(PATIENCE_SECONDS)
        assert self.process.exitcode is not None, "the worker hangs"
        return self.process.exitcode

    def log(self) -> str:
        """Return what the worker said."""
        file = self.folder / "log"
        return file.read_text(errors="replace") if file.exists() else "nothing yet"


def start(
    work: Callable[..., None],
    *arguments: Any,
    folder: Path,
    shared: Mapping[str, str],
    pause_at: tuple[str, int] | None = None,
) -> Worker:
    """Run ``work`` on a machine that is named as its folder.

    Parameters
    ----------
    work : callable
        Importable; gets the arguments.
    *arguments
        What it gets.
    folder : Path
        New folder of the machine.
    shared : mapping
        Environment that all machines share.
    pause_at : tuple, optional
        Fault point, or beginning of an SQL statement, and which passage of it.
    """
    folder.mkdir(parents=True)
    variables = {
        "CALMOPS_HOME": str(folder / "home"),
        "CALMOPS_PREFECT": "off",
        "CALMOPS_FAULT": "",
        **shared,
    }
    # The workload's context has loaded already what a drain imports.
    process = workload._context.Process(
        target=_child, args=(work, arguments, folder, variables, pause_at)
    )
    process.start()
    return Worker(process, folder)


def run_all(names: list[str]) -> None:
    """Drain pipelines one after the other, as a worker would by the command."""
    for name in names:
        code = main(["run", name])
        if code:
            raise SystemExit(code)


def run_when_free(name: str) -> None:
    """Drain a pipeline as soon as nobody else holds it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while api.run(name, wait=False).is_busy:
        assert time.monotonic() < deadline, "the lease never expires"
        time.sleep(0.1)


def make_files(folder: Path, n_files: int, *, seed: int) -> None:
    """Write snapshots of which the last one drifts and has another concept."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for number in range(n_files):
        shift, sign = (3.0, -1) if number == n_files - 1 else (0.0, 1)
        X = rng.normal(shift, 1.0, (200, 2))
        y = (sign * (X - shift).sum(axis=1) + rng.normal(0, 0.3, 200) > 0).astype(int)
        frame = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "y": y})
        frame.to_csv(folder / f"part{number}.csv", index=False)


def make_spec(name: str, url: str) -> PipelineSpec:
    """Return the spec of a pipeline whose files lie under a URL."""
    return parse_spec(
        {
            "name": name,
            "target": "y",
            "source": {"path": url, "settle_seconds": 0},
            "model": {"class": "sklearn.linear_model.LogisticRegression"},
        }
    )


def apply(specs: list[PipelineSpec]) -> None:
    """Apply specs to the store of the environment."""
    with open_store() as store:
        for spec in specs:
            api.apply(spec, store)


def _child(
    work: Callable[..., None],
    arguments: tuple[Any, ...],
    folder: Path,
    variables: dict[str, str],
    pause_at: tuple[str, int] | None,
) -> None:
    os.environ.update(variables)
    os.chdir(folder)
    socket.gethostname = lambda: folder.name
    log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(log, stream.fileno())
    if pause_at is not None:
        _pause_at(*pause_at, folder)
    work(*arguments)


def _pause_at(point: str, passage: int, folder: Path) -> None:
    passed = 0
    real = faults.fault_point

    def come_by(name: str) -> None:
        nonlocal passed
        passed += name.startswith(point)
        if name.startswith(point) and passed == passage:
            (folder / "paused").touch()
            while not (folder / "go").exists():
                time.sleep(0.02)

    def at_fault_point(name: str) -> None:
        come_by(name)
        real(name)

    def at_statement(_c: object, _cursor: object, statement: str, *_: object) -> None:
        come_by(statement)

    faults.fault_point = at_fault_point
    event.listen(Engine, "before_cursor_execute", at_statement)
