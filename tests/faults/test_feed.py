"""A feed that is killed at any durable write leaves no double and no gap."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

import pytest

from calmops_flows.generators.feed import Feed
from calmops_flows.steps.feed import fed, feed_next
from tests.faults import workload

pytestmark = pytest.mark.faults
PERIODS = 4
STREAM = {"name": "sea", "rows": 30, "periods": PERIODS}


def plan_of(folder: Path) -> Feed:
    return Feed.model_validate({"name": "sea", "folder": str(folder), "stream": STREAM})


def feed_twice(folder: Path) -> None:
    """Write two snapshots, for the ticks that the environment names."""
    for tick in os.environ["TICKS"].split(","):
        feed_next(plan_of(folder), tick=tick)


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.glob("*.csv")}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("undisturbed")
    for tick in "abcd":
        feed_next(plan_of(folder), tick=tick)
    assert len(contents(folder)) == PERIODS
    return contents(folder)


@pytest.mark.parametrize("passage", [1, 2])
@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("write", ["feed.snapshot", "feed.manifest"])
def test_kill_between_writes_leaves_no_double_and_no_gap(
    write: str, side: str, passage: int, tmp_path: Path, undisturbed: dict[str, bytes]
) -> None:
    fault = f"{write}.{side}:{passage}:kill"
    killed = workload.in_process(feed_twice, tmp_path, tmp_path, fault=fault, TICKS="a,b")
    partial = contents(tmp_path)

    # The killed runs are started again under their names, and two more follow.
    for tick in "abcd":
        feed_next(plan_of(tmp_path), tick=tick)

    assert killed == -signal.SIGKILL
    assert partial.items() <= undisturbed.items()
    assert contents(tmp_path) == undisturbed
    assert [one.period for one in fed(plan_of(tmp_path))] == [1, 2, 3, 4]
    assert [one.tick for one in fed(plan_of(tmp_path))] == list("abcd")


@pytest.mark.parametrize("kind", ["enospc", "eio"])
@pytest.mark.parametrize("write", ["feed.snapshot", "feed.manifest"])
def test_errors_of_the_disk_end_the_run_and_the_next_goes_on(
    write: str, kind: str, tmp_path: Path, undisturbed: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("calmops_flows.faults._passages", Counter())
    monkeypatch.setenv("CALMOPS_FAULT", f"{write}.before:1:{kind}")
    with pytest.raises(OSError, match="fault point"):
        feed_next(plan_of(tmp_path), tick="a")
    monkeypatch.delenv("CALMOPS_FAULT")

    for tick in "abcd":
        feed_next(plan_of(tmp_path), tick=tick)

    assert contents(tmp_path) == undisturbed


def test_processes_at_once_take_turns(tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    folder = tmp_path / "in"
    processes = [
        workload.started(feed_twice, folder, folder, TICKS=ticks) for ticks in ("a,b", "c,d", "e,f")
    ]
    for process in processes:
        process.join(60)

    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert contents(folder) == undisturbed
    known = fed(plan_of(folder))
    assert [one.period for one in known] == [1, 2, 3, 4]
    assert len({one.tick for one in known}) == PERIODS
