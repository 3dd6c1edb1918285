"""From a closed file to the start of the run that takes it: `watch --run`, and through Prefect.

Files come one at a time, at random moments. Without Prefect the run starts when it enters the
file into the ledger; with it, when the flow run is Running: the watcher's event, the
automation, one process worker that asks every 2 seconds, and a new Python process lie before that.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import select

from benchmarks.figures import Figure, own_home, report
from benchmarks.run_parts import run_parts
from benchmarks.server import running_server
from calmops_flows.api import apply
from calmops_flows.spec import parse_spec
from calmops_flows.store import tables
from calmops_flows.store.store import Store, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

SETTLE_SECONDS = 1.0
PATIENCE_SECONDS = 120.0
PARTS = {
    "created": "closed file to flow run created (settling, event, automation)",
    "submitted": "created to taken by the worker",
    "running": "taken to running (the run's own process)",
}
CALMOPS = (sys.executable, "-m", "calmops_flows.cli.main")
PREFECT = (sys.executable, "-m", "prefect")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=20, help="files for each of both ways")
    n_files = parser.parse_args().files
    with own_home() as folder, open_store() as store:
        report([*plain_figures(store, folder, n_files), *prefect_figures(store, folder, n_files)])


def plain_figures(store: Store, folder: Path, n_files: int) -> Iterator[Figure]:
    """Measure `watch --run`."""
    arrivals = declare(store, folder, "plain")
    with process(folder / "plain.log", *CALMOPS, "watch", "plain", "--run"):
        seconds = [
            entered_at(store, "plain", name).timestamp() - closed
            for name, closed in drops(store, arrivals, "plain", n_files)
        ]
    bar = 1.0 + SETTLE_SECONDS
    yield Figure("watch --run: closed file to run, p50", statistics.median(seconds), "s", bar)
    yield Figure("watch --run: closed file to run, p95", p95(seconds), "s")


def prefect_figures(store: Store, folder: Path, n_files: int) -> Iterator[Figure]:
    """Measure the way over event, automation, worker and process."""
    arrivals = declare(store, folder, "prefect")
    with running_server(folder / "server") as variables:
        more = variables | {"PREFECT_WORKER_QUERY_SECONDS": "2", "CALMOPS_PREFECT": "auto"}
        environment = os.environ | more
        subprocess.run([*CALMOPS, "deploy", "prefect"], env=environment, check=True)
        worker = (*PREFECT, "worker", "start", "--pool", "calmops", "--type", "process")
        with (
            process(folder / "worker.log", *worker, environment=environment),
            process(folder / "watch.log", *CALMOPS, "watch", "prefect", environment=environment),
        ):
            parts = [
                run_parts(variables["PREFECT_API_URL"], run_of(store, name), closed)
                for name, closed in drops(store, arrivals, "prefect", n_files)
            ]
    seconds = [one.total for one in parts]
    yield Figure("Prefect: closed file to run, p50", statistics.median(seconds), "s", 10.0)
    yield Figure("Prefect: closed file to run, p95", p95(seconds), "s", 20.0)
    for part, words in PARTS.items():
        median = statistics.median(getattr(one, part) for one in parts)
        yield Figure(f"Prefect: {words}, p50", median, "s")


def p95(seconds: list[float]) -> float:
    return float(np.quantile(seconds, 0.95))


def declare(store: Store, folder: Path, name: str) -> Path:
    """Apply a pipeline that scores and never trains again; return its folder."""
    arrivals = folder / name
    arrivals.mkdir()
    spec = {
        "name": name,
        "target": "y",
        "source": {"path": str(arrivals), "settle_seconds": SETTLE_SECONDS},
        "model": {"class": "sklearn.linear_model.LogisticRegression"},
        "retrain": {"when": "never"},
    }
    apply(parse_spec(spec), store)
    return arrivals


def drops(store: Store, arrivals: Path, name: str, n_files: int) -> Iterator[tuple[str, float]]:
    """Close one file after the other, each when the one before is processed; the first warms up."""
    rng = random.Random(1)
    for number in range(n_files + 1):
        time.sleep(rng.uniform(2.0, 6.0) if number else 10.0)
        file = arrivals / f"{number:03}.csv"
        with file.open("w", encoding="ascii") as out:
            out.write("a,y\n" + "".join(f"{rng.gauss(0, 1)},{i % 2}\n" for i in range(200)))
        closed = time.time()
        wait_until_processed(store, name, file.name)
        if number:
            yield file.name, closed


def outcome(store: Store, pipeline: str, name: str) -> tuple[str, str | None] | None:
    """Return when a file was entered, and the flow run that processed it, once one has."""
    snapshots, outcomes = tables.snapshots, tables.outcomes
    query = (
        select(snapshots.c.discovered_at, outcomes.c.run_id)
        .join(outcomes, outcomes.c.snapshot_id == snapshots.c.id)
        .where(snapshots.c.pipeline == pipeline, snapshots.c.path == name)
    )
    with store.database.read() as connection:
        row = connection.execute(query).first()
    return None if row is None else (row.discovered_at, row.run_id)


def wait_until_processed(store: Store, pipeline: str, name: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while outcome(store, pipeline, name) is None:
        if time.monotonic() > deadline:
            sys.exit(f"{pipeline}: no run took {name} within {PATIENCE_SECONDS:g} seconds")
        time.sleep(0.2)


def entered_at(store: Store, pipeline: str, name: str) -> datetime:
    found = outcome(store, pipeline, name)
    if found is None:
        sys.exit(f"{pipeline}: {name} has no outcome")
    return datetime.fromisoformat(found[0]).astimezone(UTC)


def run_of(store: Store, name: str) -> str:
    """Return the flow run that processed a file."""
    found = outcome(store, "prefect", name)
    if found is None or found[1] is None:
        sys.exit(f"{name} was not processed by a flow run")
    return found[1]


@contextmanager
def process(log: Path, *command: str, environment: dict[str, str] | None = None) -> Iterator[None]:
    """Run a command while the block lasts."""
    with log.open("wb") as out:
        started = subprocess.Popen(command, env=environment, stdout=out, stderr=out)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGKILL):
            if started.poll() is None:
                started.send_signal(number)
            try:
                started.wait(timeout=20)
            except subprocess.TimeoutExpired:
                continue
            break


if __name__ == "__main__":
    main()
