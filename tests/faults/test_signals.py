"""Signals at any time: who ends gives back what it held, and who comes back late writes nothing."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from contextlib import closing, suppress
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest
import yaml

from calmops_flows.spec import dump_spec
from tests.faults import workload
from tests.faults.contents import contents

pytestmark = pytest.mark.faults
PATIENCE_SECONDS = 60
TRIES = 6
SHORT_LEASE = {"CALMOPS_LEASE_SECONDS": "0.5"}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the source of three snapshots, with its spec beside it."""
    root = tmp_path_factory.mktemp("signals")
    folder = workload.make_source(root / "source")
    spec = yaml.safe_load(dump_spec(workload.make_spec(folder)))
    (root / "three.yaml").write_text(yaml.safe_dump(spec))
    return folder


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, source: Path) -> Path:
    home = tmp_path_factory.mktemp("undisturbed") / "home"
    assert workload.in_process(workload.run_command, home, source) == 0
    return home


def rows(home: Path, query: str) -> list[tuple[object, ...]]:
    if not (home / "calmops.db").exists():
        return []
    with closing(sqlite3.connect(home / "calmops.db", timeout=30)) as connection:
        try:
            return connection.execute(query).fetchall()
        except sqlite3.OperationalError:  # there is no table yet
            return []


def wait_until_at_work(process: ForkServerProcess, home: Path) -> None:
    """Wait until the process has taken the pipeline, or was so quick that it has ended."""
    end = time.monotonic() + PATIENCE_SECONDS
    while process.is_alive() and not rows(home, "SELECT 1 FROM leases WHERE token IS NOT NULL"):
        assert time.monotonic() < end, "nobody takes the pipeline"
        time.sleep(0.005)


def is_locked(home: Path) -> bool:
    """Say whether somebody is in the middle of a transaction that writes."""
    with closing(sqlite3.connect(home / "calmops.db", timeout=0)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
    return False


def stop_outside_transactions(process: ForkServerProcess, home: Path) -> None:
    """Stop a process while it holds no lock of the database, as its heartbeat does at times."""
    while True:
        os.kill(process.pid or 0, signal.SIGSTOP)
        if not is_locked(home):
            return
        os.kill(process.pid or 0, signal.SIGCONT)
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["term", "int"]
)
def test_signal_at_any_time_of_a_run_gives_everything_back(
    number: int, code: int, tmp_path: Path, source: Path, undisturbed: Path
) -> None:
    rng = random.Random(number)
    codes = []
    for trial in range(TRIES):
        home = tmp_path / f"home{trial}"
        process = workload.started(workload.run_command, home, source, FIT_SECONDS="0.05")
        wait_until_at_work(process, home)
        time.sleep(rng.uniform(0, 0.8))

        with suppress(ProcessLookupError):  # it had ended
            os.kill(process.pid or 0, number)

        process.join(PATIENCE_SECONDS)
        assert process.exitcode in {code, 0}, "it had ended, or it ends when it is told to"
        codes.append(process.exitcode)
        assert rows(home, "SELECT token FROM leases") == [(None,)]
        assert rows(home, "SELECT 1 FROM snapshots WHERE state = 'pending' AND attempts > 0") == []
        assert workload.in_process(workload.run_command, home, source) == 0
        assert contents(home) == contents(undisturbed)
    assert code in codes


def test_worker_stopped_past_its_lease_comes_back_and_writes_nothing(
    tmp_path: Path, source: Path, undisturbed: Path
) -> None:
    home = tmp_path / "home"
    slow = workload.started(workload.run_command, home, source, FIT_SECONDS="3", **SHORT_LEASE)
    end = time.monotonic() + PATIENCE_SECONDS
    while not workload.fits(home):
        assert time.monotonic() < end, "it never fits"
        time.sleep(0.005)
    stop_outside_transactions(slow, home)
    time.sleep(1.0)  # its lease of half a second expires

    other = workload.in_process(workload.run_command, home, source, **SHORT_LEASE)
    told = contents(home)
    os.kill(slow.pid or 0, signal.SIGCONT)
    slow.join(PATIENCE_SECONDS)

    assert (other, slow.exitcode) == (0, 0)
    assert told == contents(home) == contents(undisturbed)
    assert "another worker has taken pipeline" in (tmp_path / "home.stderr").read_text()


def test_killed_worker_loses_its_pipeline_to_the_next_one_at_once(
    tmp_path: Path, source: Path, undisturbed: Path
) -> None:
    home = tmp_path / "home"
    slow = workload.started(workload.run_command, home, source, FIT_SECONDS="20")
    wait_until_at_work(slow, home)

    slow.kill()
    slow.join()

    assert workload.in_process(workload.run_command, home, source) == 0
    assert contents(home) == contents(undisturbed)
