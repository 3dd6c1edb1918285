"""Fail while a deferred retraining is made good; the next run makes it good, once."""

from __future__ import annotations

import shutil
import signal
from collections import Counter
from pathlib import Path

import pytest

from calmops_flows.settings import Settings
from calmops_flows.store import open_store
from calmops_flows.store.history import history
from tests.faults import workload
from tests.faults.contents import contents

pytestmark = pytest.mark.faults
WRITES = ("ledger.catch_up", "ledger.attempt", "artifact.put", "commit.snapshot", "lease.release")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return workload.make_source_that_trips(tmp_path_factory.mktemp("data") / "source")


@pytest.fixture(scope="module")
def deferred(tmp_path_factory: pytest.TempPathFactory, source: Path) -> Path:
    home = tmp_path_factory.mktemp("deferred") / "home"
    assert workload.in_process(workload.run_at_noon, home, source) == 0
    return home


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, source: Path, deferred: Path) -> Path:
    home = tmp_path_factory.mktemp("undisturbed") / "home"
    shutil.copytree(deferred, home)
    trace = str(home.parent / "passages")
    assert workload.in_process(workload.run_at_two, home, source, TRACE=trace) == 0
    return home


def test_undisturbed_run_makes_good_what_was_put_off(undisturbed: Path) -> None:
    passages = Counter((undisturbed.parent / "passages").read_text().split())
    with open_store(Settings(home=undisturbed)) as store:
        found = [(o.snapshot, o.decision) for o in history(store.database, workload.NAME)]

    assert found == [
        ("part0.csv", "kept"),
        ("part1.csv", "deferred"),
        ("part2.csv", "deferred"),
        ("catch-up:part2.csv", "trained"),
    ]
    assert all(passages[f"{write}.{side}"] for write in WRITES for side in ("before", "after"))


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("kind", ["kill", pytest.param("enospc", marks=pytest.mark.slow)])
def test_failing_run_makes_good_once_in_the_end(
    kind: str,
    write: str,
    side: str,
    tmp_path: Path,
    source: Path,
    deferred: Path,
    undisturbed: Path,
) -> None:
    home = tmp_path / "home"
    shutil.copytree(deferred, home)

    code = workload.in_process(workload.run_at_two, home, source, fault=f"{write}.{side}:1:{kind}")

    assert code == (-signal.SIGKILL if kind == "kill" else 1)
    assert workload.in_process(workload.run_at_two, home, source) == 0
    assert contents(home) == contents(undisturbed)
