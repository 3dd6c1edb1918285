"""Fail at every passage of every durable write; run again; the store must be as undisturbed."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from calmops_flows.faults import DURABLE_WRITES
from calmops_flows.settings import Settings
from calmops_flows.store import open_store
from calmops_flows.store.history import history
from tests.faults import workload
from tests.faults.contents import contents
from tests.store_dump import dump

pytestmark = pytest.mark.faults

# Writes that a plain drain does not pass; each has a test of its own below or elsewhere.
APART = {
    "contract.accept": "no part of a drain: see tests/steps/test_contract.py",
    "retention.forget": "needs limits: see tests/steps/test_retain.py",
    "breaker.close": "needs a person: see tests/faults/test_switch.py",
    "champion.switch": "needs a person: see tests/faults/test_switch.py",
    "export.write": "needs a folder for predictions: see tests/faults/test_labels.py",
    "archive.import": "no part of a drain: see tests/store/test_archive.py",
    "archive.rename": "no part of a drain: see tests/store/test_archive.py",
    "artifact.remove": "no part of a drain: see tests/store/test_fsck.py",
    "backup.rename": "no part of a drain: see tests/store/test_backup.py",
    "backup.rows": "no part of a drain: see tests/store/test_backup.py",
    "feed.manifest": "no part of a drain: see tests/faults/test_feed.py",
    "feed.snapshot": "no part of a drain: see tests/faults/test_feed.py",
    "fsck.champion": "no part of a drain: see tests/store/test_fsck.py",
    "lease.heartbeat": "timed: see test_kill_in_the_heartbeat",
    "ledger.catch_up": "needs an open breaker: see tests/faults/test_catch_up.py",
    "ledger.return_attempt": "needs a second fault: see test_kill_while_an_attempt_is_given_back",
    "ledger.quarantine": "needs a bad file: see test_kill_while_a_bad_file_is_set_aside",
    "ledger.split": "needs a pipeline of blocks: see tests/faults/test_blocks.py",
    "outbox.failed": "needs a deaf outside: see test_kill_while_a_refusal_is_recorded",
    "pipeline.delete": "needs the command: see test_kill_while_deleting",
    "quarantine.resolve": "no part of a drain: see tests/store/test_quarantine.py",
    "report.link": "no part of a drain: see tests/store/test_reports.py",
    "serving.log": "needs a server: see tests/serving/test_journal.py",
    "schema.backup": "needs an older schema: see tests/store/test_schema.py",
}
SWEPT = [write for write in DURABLE_WRITES if write not in APART]
FITS_PER_TRAINING = 2  # the judged fit, and the refit on all rows


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return workload.make_source(tmp_path_factory.mktemp("data") / "source")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, source: Path) -> Path:
    home = tmp_path_factory.mktemp("undisturbed") / "home"
    trace = home.parent / "passages"
    assert workload.in_process(workload.run_all, home, source, TRACE=str(trace)) == 0
    return home


def test_undisturbed_drain_does_what_the_sweep_needs(undisturbed: Path) -> None:
    passages = Counter((undisturbed.parent / "passages").read_text().split())

    assert workload.fits(undisturbed) == 2 * FITS_PER_TRAINING
    assert passages["commit.snapshot.before"] == 3
    assert all(passages[f"{write}.{side}"] for write in SWEPT for side in ("before", "after"))


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("write", SWEPT)
@pytest.mark.parametrize("kind", ["kill", "enospc", "eio"])
def test_failing_at_each_passage_changes_nothing_in_the_end(
    kind: str, write: str, side: str, tmp_path: Path, source: Path, undisturbed: Path
) -> None:
    every = range(1, number_of_passages(undisturbed, f"{write}.{side}") + 1)
    # A kill is tried at all of them that matter; the two errors take turns, at a sample.
    sampled = every[kind == "eio" :: 2][:: 1 + len(every) // 8]
    chosen = worth_a_kill(undisturbed, f"{write}.{side}") if kind == "kill" else sampled

    disturbed = fail_at_each(chosen, f"{write}.{side}", kind, tmp_path, source, undisturbed)

    assert disturbed > 0 or kind != "kill"


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("write", SWEPT)
@pytest.mark.parametrize("kind", ["kill", "enospc", "eio"])
def test_every_fault_at_every_passage_changes_nothing_in_the_end(
    kind: str, write: str, side: str, tmp_path: Path, source: Path, undisturbed: Path
) -> None:
    every = range(1, number_of_passages(undisturbed, f"{write}.{side}") + 1)

    fail_at_each(every, f"{write}.{side}", kind, tmp_path, source, undisturbed)


def worth_a_kill(undisturbed: Path, point: str) -> list[int]:
    """Return the first passage, and those after which something else is done than to begin a write.

    Between the end of a write and the point before the next one nothing durable happens, so a
    kill at one of them leaves what a kill at the other leaves; the slow tests try both.
    """
    told = (undisturbed.parent / "passages").read_text().split()
    followers = [
        after for before, after in zip(told, [*told[1:], ""], strict=True) if before == point
    ]
    return [
        passage
        for passage, follower in enumerate(followers, start=1)
        if passage == 1 or not follower.endswith(".before")
    ]


def number_of_passages(undisturbed: Path, point: str) -> int:
    return (undisturbed.parent / "passages").read_text().split().count(point)


def fail_at_each(
    passages: Iterable[int], point: str, kind: str, folder: Path, source: Path, undisturbed: Path
) -> int:
    """Fail at each of the passages and run again; return how many runs did not end well."""
    expected = contents(undisturbed)
    disturbed = 0
    for passage in passages:
        home = folder / f"home{passage}"
        code = workload.in_process(
            workload.run_all, home, source, fault=f"{point}:{passage}:{kind}"
        )
        disturbed += code != 0
        assert code in ({-signal.SIGKILL} if kind == "kill" else {0, 1})
        assert workload.in_process(workload.run_all, home, source) == 0
        assert contents(home) == expected, f"{point}:{passage}:{kind}"
        assert workload.fits(home) <= (2 + 1) * FITS_PER_TRAINING
    return disturbed


def test_kill_in_the_heartbeat(tmp_path: Path, source: Path, undisturbed: Path) -> None:
    home = tmp_path / "home"

    code = workload.in_process(
        workload.run_all,
        home,
        source,
        fault="lease.heartbeat.before:1:kill",
        CALMOPS_LEASE_SECONDS="0.03",
    )

    assert code == -signal.SIGKILL
    assert workload.in_process(workload.run_all, home, source) == 0
    assert contents(home) == contents(undisturbed)


@pytest.mark.parametrize("side", ["before", "after"])
def test_kill_while_an_attempt_is_given_back(
    side: str, tmp_path: Path, source: Path, undisturbed: Path
) -> None:
    home = tmp_path / "home"

    code = workload.in_process(
        workload.run_all,
        home,
        source,
        fault=f"artifact.put.before:1:enospc,ledger.return_attempt.{side}:1:kill",
    )

    assert code == -signal.SIGKILL
    assert workload.in_process(workload.run_all, home, source) == 0
    assert contents(home) == contents(undisturbed)


@pytest.mark.parametrize("side", ["before", "after"])
def test_kill_while_a_bad_file_is_set_aside(side: str, tmp_path: Path) -> None:
    source = workload.make_source(tmp_path / "source")
    (source / "part0b.csv").write_text("a,b,y\n1,2")
    home, twin = tmp_path / "home", tmp_path / "twin"
    assert workload.in_process(workload.run_all, twin, source) == 0

    code = workload.in_process(
        workload.run_all, home, source, fault=f"ledger.quarantine.{side}:1:kill"
    )

    assert code == -signal.SIGKILL
    assert workload.in_process(workload.run_all, home, source) == 0
    assert contents(home) == contents(twin)


@pytest.mark.parametrize("side", ["before", "after"])
def test_kill_while_a_refusal_is_recorded(
    side: str, tmp_path: Path, source: Path, undisturbed: Path
) -> None:
    home = tmp_path / "home"

    code = workload.in_process(
        workload.run_deaf, home, source, fault=f"outbox.failed.{side}:2:kill"
    )

    assert code == -signal.SIGKILL
    assert workload.in_process(workload.run_all, home, source) == 0
    assert contents(home) == contents(undisturbed)


@pytest.mark.parametrize("side", ["before", "after"])
def test_kill_while_deleting(side: str, tmp_path: Path, source: Path, undisturbed: Path) -> None:
    home = tmp_path / "home"

    code = workload.in_process(
        workload.run_and_delete, home, source, fault=f"pipeline.delete.{side}:1:kill"
    )

    assert code == -signal.SIGKILL
    if side == "before":
        assert contents(home) == contents(undisturbed)
    else:
        with open_store(Settings(home=home)) as store:
            rows = dump(store.database)
        assert {table for table, found in rows.items() if found} <= {"audit", "alembic_version"}


def test_third_crash_quarantines_the_snapshot(tmp_path: Path, source: Path) -> None:
    home = tmp_path / "home"
    for _ in range(3):
        code = workload.in_process(
            workload.run_all, home, source, fault="artifact.put.before:1:kill"
        )
        assert code == -signal.SIGKILL

    assert workload.in_process(workload.run_all, home, source) == 0

    with open_store(Settings(home=home)) as store:
        first, *others = history(store.database, workload.NAME)
    assert (first.state, first.reason) == (
        "quarantined",
        "crashed: three attempts ended without an outcome",
    )
    assert [o.state for o in others] == ["processed", "processed"]
