"""Twenty pipelines over PostgreSQL and an S3 API, drained by one worker and by three.

The servers are those of the tests, on loopback. Each worker is a process with a home of its own
that has imported all before the clock starts, and goes over all pipelines.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from typing import IO, TYPE_CHECKING

from benchmarks import rows
from benchmarks.figures import Figure, own_home, show
from calmops_flows import api
from calmops_flows.store import open_store
from calmops_flows.store.history import history
from tests.servers.postgres import fresh_database, running_postgres
from tests.servers.s3 import environment, make_bucket, running_s3

if TYPE_CHECKING:
    from pathlib import Path

N_FILES = 2
BAR_RATIO = 1.0
WORKER = """
import sys
from benchmarks.many_workers import drain_all
import sklearn.pipeline, sklearn.compose, sklearn.impute, pyarrow.parquet, s3fs, psycopg
print("ready", flush=True)
sys.stdin.readline()
drain_all(sys.argv[1:])
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pipelines", type=int, default=20)
    parser.add_argument("--rows", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    names = [f"p{number:02}" for number in range(options.pipelines)]
    with own_home() as folder, running_postgres() as server, running_s3() as endpoint:
        os.environ.update(environment(endpoint), OMP_NUM_THREADS="1")
        for number, name in enumerate(names):
            (folder / name).mkdir()
            for part in range(N_FILES):
                path = folder / name / f"part{part}.parquet"
                rows.write(path, options.rows, 20, seed=100 * number + part)
        taken: dict[int, list[float]] = {1: [], 3: []}
        for _ in range(options.rounds):
            for n_workers, seconds in taken.items():
                with fresh_database(server) as url:
                    os.environ["CALMOPS_DATABASE_URL"] = url
                    os.environ["CALMOPS_ARTIFACTS_URL"] = make_bucket(endpoint)
                    seconds.append(drain(folder, names, n_workers))
    one, three = min(taken[1]), min(taken[3])
    show(
        Figure(f"{options.pipelines} pipelines, one worker", one, "s"),
        Figure(f"{options.pipelines} pipelines, three workers", three, "s"),
        Figure("time of three workers / of one", three / one, "", BAR_RATIO),
    )


def drain(folder: Path, names: list[str], n_workers: int) -> float:
    """Return how long so many workers take for all pipelines."""
    with open_store() as store:
        for name in names:
            api.apply(rows.spec(name, folder / name, when="drift"), store)
    command = [sys.executable, "-c", WORKER, *names]
    workers = [
        subprocess.Popen(
            command,
            env={**os.environ, "CALMOPS_HOME": str(folder / f"host{number}")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(n_workers)
    ]
    for worker in workers:
        _pipe(worker.stdout).readline()
    started = time.perf_counter()
    for worker in workers:
        _pipe(worker.stdin).write("go\n")
        _pipe(worker.stdin).flush()
    codes = [worker.wait() for worker in workers]
    seconds = time.perf_counter() - started
    with open_store() as store:
        done = [len(history(store.database, name)) for name in names]
    if any(codes) or done != [N_FILES] * len(names):
        sys.exit(f"wrong end: exit codes {codes}, snapshots {done}")
    return seconds


def drain_all(names: list[str]) -> None:
    """Drain the pipelines one after the other; those that another worker holds are passed."""
    with open_store() as store:
        for name in names:
            api.run(name, store=store, wait=False, prefect=False)


def _pipe(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise RuntimeError("the worker was started without pipes")
    return pipe


if __name__ == "__main__":
    main()
