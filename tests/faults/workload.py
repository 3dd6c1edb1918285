"""What the fault tests run in processes of their own: a drain of three snapshots."""

from __future__ import annotations

import io
import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from calmops_flows import api, faults
from calmops_flows.cli.main import main
from calmops_flows.spec import PipelineSpec, parse_spec
from calmops_flows.steps import drain
from calmops_flows.steps.runner import PlainRunner
from calmops_flows.steps.switch import promote, roll_back
from calmops_flows.store import open_store
from calmops_flows.store.close_breaker import close_breaker
from calmops_flows.store.outbox import Message
from calmops_flows.store.pipelines import delete_pipeline

NAME = "three"
PATIENCE_SECONDS = 240  # a run takes one; machines that run all tests at once are slower
MEMORY_BYTES = 400 * 2**20
NOON = datetime(2013, 1, 1, 12, tzinfo=UTC)
_context = multiprocessing.get_context("forkserver")
# What a drain imports when it first needs it; loaded once, every forked case is four times faster.
_context.set_forkserver_preload(
    [
        "tests.faults.workload",
        "calmops_flows.flows.detect",
        "calmops_flows.learning.encode",
        "calmops_flows.steps.apply",
        "calmops_flows.store.migrate",
        "psycopg",
        "pyarrow.csv",
        "pyarrow.json",
        "pyarrow.parquet",
        "s3fs",
        "sklearn.compose",
        "sklearn.discriminant_analysis",
        "sklearn.impute",
        "sklearn.neighbors",
        "sklearn.pipeline",
    ]
)


class CountingRegression(LogisticRegression):  # type: ignore[misc]
    """Writes one byte for each fit into the file that ``FITS`` names, and takes its time."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> CountingRegression:
        with Path(os.environ["FITS"]).open("ab") as log:
            log.write(b".")
        time.sleep(float(os.environ.get("FIT_SECONDS", "0")))
        super().fit(X, y, sample_weight)
        return self


def make_source(folder: Path) -> Path:
    """Write three snapshots: one to train on, one like it, one with another concept and drift."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(8)
    for number, (shift, sign) in enumerate([(0.0, 1), (0.0, 1), (3.0, -1)]):
        X = rng.normal(shift, 1.0, (300, 2))
        y = (sign * (X - shift).sum(axis=1) + rng.normal(0, 0.3, 300) > 0).astype(int)
        frame = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "y": y})
        file = folder / f"part{number}.csv"
        frame.to_csv(file, index=False)
        os.utime(file, (1_700_000_000, 1_700_000_000))
    return folder


def make_spec(source: Path) -> PipelineSpec:
    return parse_spec(
        {
            "name": NAME,
            "target": "y",
            "source": {"path": str(source), "settle_seconds": 0},
            "model": {"class": "tests.faults.workload.CountingRegression"},
            "retrain": {"mode": "full"},  # so that the second snapshot is kept
        }
    )


def make_block_source(folder: Path) -> Path:
    """Write two files of blocks: new ones, a known one that drifts, and one that is a copy."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(8)
    files = {
        "part1.csv": [("a", 0.0, 1), ("b", 0.0, -1)],
        "part2.csv": [("b", 3.0, 1), ("c", 0.0, -1)],
    }
    frames = {name: [_block(rng, *block) for block in found] for name, found in files.items()}
    frames["part2.csv"].append(frames["part1.csv"][0])
    for name, found in frames.items():
        file = folder / name
        pd.concat(found).to_csv(file, index=False)
        os.utime(file, (1_700_000_000, 1_700_000_000))
    return folder


def _block(rng: np.random.Generator, site: str, shift: float, sign: int) -> pd.DataFrame:
    X = rng.normal(shift, 1.0, (300, 2))
    y = (sign * (X - shift).sum(axis=1) + rng.normal(0, 0.3, 300) > 0).astype(int)
    return pd.DataFrame({"site": site, "a": X[:, 0], "b": X[:, 1], "y": y})


def run_blocks(source: Path) -> None:
    """Apply a spec of kind block and drain."""
    spec = make_spec(source).model_dump(mode="json", by_alias=True)
    api.run(parse_spec({**spec, "kind": "block", "block": {"column": "site"}}), wait=False)


def run_replaying(source: Path) -> None:
    """Drain a pipeline that keeps old rows, and learns from them at every snapshot."""
    retrain = {"mode": "replay_mix", "when": "always"}
    values = make_spec(source).model_dump(mode="json", by_alias=True, exclude_unset=True)
    api.run(parse_spec({**values, "retrain": retrain}), wait=False)


def make_source_that_trips(folder: Path) -> Path:
    """Write three snapshots, of which the first has one class only: its fit fails."""
    make_source(folder)
    first = folder / "part0.csv"
    pd.read_csv(first).assign(y=1).to_csv(first, index=False)
    os.utime(first, (1_700_000_000, 1_700_000_000))
    return folder


def run_at_noon(source: Path) -> None:
    """Drain while the first failure opens the breaker for an hour."""
    values = make_spec(source).model_dump(mode="json", by_alias=True, exclude_unset=True)
    breaker = {"max_failures": 1, "backoff_minutes": 60}
    with open_store() as store:
        api.apply(parse_spec({**values, "breaker": breaker}), store)
        drain.drain(NAME, store, now=lambda: NOON, wait=False)


def run_at_two(source: Path) -> None:
    """Drain two hours later, when the breaker's pause is over and no file has come."""
    with open_store() as store:
        drain.drain(NAME, store, now=lambda: NOON + timedelta(hours=2), wait=False)


def run_ipip(source: Path) -> None:
    """Apply a spec of kind ipip and drain."""
    spec = make_spec(source).model_dump(mode="json", by_alias=True, exclude={"retrain"})
    api.run(parse_spec({**spec, "kind": "ipip"}), wait=False)


class DeafRunner(PlainRunner):
    """A runner whose outside takes nothing."""

    def deliver(self, messages: Sequence[Message]) -> None:  # noqa: ARG002 - the protocol's
        raise ConnectionRefusedError(111, "Connection refused")


def run_all(source: Path) -> None:
    """Apply the spec and drain."""
    api.run(make_spec(source), wait=False)


def run_command(source: Path) -> None:
    """Run the command on the spec that lies beside the source."""
    spec = str(source.parent / f"{NAME}.yaml")
    with redirect_stdout(io.StringIO()):
        code = main(["run", spec, "--no-prefect"])
    sys.exit(code)


def run_short_of_memory(source: Path) -> None:
    """Do the same with little more memory than this process has already."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    run_command(source)


def apply_only(source: Path) -> None:
    """Apply the spec."""
    with open_store() as store:
        api.apply(make_spec(source), store)


def run_deaf(source: Path) -> None:
    """Apply the spec and drain, while nobody takes messages."""
    api.run(make_spec(source), runner=DeafRunner(), wait=False)


def run_and_delete(source: Path) -> None:
    """Drain and delete the pipeline."""
    api.run(make_spec(source), wait=False)
    with open_store() as store:
        delete_pipeline(store.database, NAME, now=datetime.now(UTC))


def roll_back_by_hand(source: Path) -> None:
    """Let the version before the present champion serve again."""
    with open_store() as store:
        roll_back(store, NAME, now=datetime.now(UTC))


def promote_by_hand(source: Path) -> None:
    """Let the first version serve."""
    with open_store() as store:
        promote(store, NAME, 1, now=datetime.now(UTC))


def close_breaker_by_hand(source: Path) -> None:
    """Close the breaker, whatever it says."""
    with open_store() as store:
        close_breaker(store.database, NAME, now=datetime.now(UTC))


def in_process(
    work: Callable[[Path], None], home: Path, source: Path, *, fault: str = "", **environment: str
) -> int:
    """Run ``work`` in a process of its own, and return its exit code."""
    return at_once(1, work, home, source, fault=fault, **environment)[0]


def at_once(
    n: int,
    work: Callable[[Path], None],
    home: Path,
    source: Path,
    *,
    fault: str = "",
    **environment: str,
) -> list[int]:
    """Run ``work`` in ``n`` processes at the same time, and return their exit codes."""
    variables = {"CALMOPS_FAULT": fault, **environment}
    processes = [started(work, home, source, **variables) for _ in range(n)]
    for process in processes:
        process.join(PATIENCE_SECONDS)
    codes = [process.exitcode for process in processes]
    assert None not in codes, "the process under test hangs"
    return [code for code in codes if code is not None]


def started(
    work: Callable[[Path], None], home: Path, source: Path, **environment: str
) -> ForkServerProcess:
    """Start ``work`` in a process of its own."""
    variables = {
        "CALMOPS_HOME": str(home),
        "CALMOPS_TRUSTED_MODULES": "tests",
        "FITS": str(home.parent / f"{home.name}.fits"),
        **environment,
    }
    process = _context.Process(target=_child, args=(work, source, variables))
    process.start()
    return process


def _child(work: Callable[[Path], None], source: Path, variables: dict[str, str]) -> None:
    os.environ.update(variables)
    log = Path(f"{variables['CALMOPS_HOME']}.stderr")
    log.parent.mkdir(parents=True, exist_ok=True)
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), sys.stderr.fileno())
    drain.PUBLISH_SECONDS = 0.0  # so that the number of deliveries does not depend on speed
    trace = variables.get("TRACE")
    if trace:
        _record_passages(Path(trace))
    work(source)


def _record_passages(file: Path) -> None:
    """Write the name of every fault point that is passed."""
    real = faults.fault_point

    def recording(name: str) -> None:
        with file.open("a") as log:
            log.write(name + "\n")
        real(name)

    faults.fault_point = recording


def fits(home: Path) -> int:
    """Return how often a model was fitted."""
    log = home.parent / f"{home.name}.fits"
    return log.stat().st_size if log.exists() else 0
