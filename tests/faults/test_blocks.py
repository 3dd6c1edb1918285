"""Fail while files of blocks are split and learnt from; the store must be as undisturbed."""

from __future__ import annotations

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
SWEPT = ("artifact.put", "commit.snapshot", "ledger.attempt", "ledger.register", "ledger.split")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return workload.make_block_source(tmp_path_factory.mktemp("data") / "source")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, source: Path) -> Path:
    home = tmp_path_factory.mktemp("undisturbed") / "home"
    trace = home.parent / "passages"
    assert workload.in_process(workload.run_blocks, home, source, TRACE=str(trace)) == 0
    return home


def test_undisturbed_drain_does_what_the_sweep_needs(undisturbed: Path) -> None:
    passages = Counter((undisturbed.parent / "passages").read_text().split())

    with open_store(Settings(home=undisturbed)) as store:
        told = [(o.snapshot, o.decision or o.state) for o in history(store.database, workload.NAME)]
    assert told == [
        ("part1.csv#a", "trained"),
        ("part1.csv#b", "promoted"),
        ("part2.csv#a", "duplicate"),
        ("part2.csv#b", "promoted"),
        ("part2.csv#c", "promoted"),
    ]
    assert passages["ledger.split.before"] == 2
    assert all(passages[f"{write}.before"] for write in SWEPT)


def fail_and_run_again(
    point: str, kind: str, home: Path, source: Path
) -> tuple[int, dict[str, list[tuple[object, ...]]]]:
    code = workload.in_process(workload.run_blocks, home, source, fault=f"{point}:{kind}")
    assert workload.in_process(workload.run_blocks, home, source) == 0
    return code, contents(home)


@pytest.mark.parametrize(
    ("point", "kind"),
    [
        ("ledger.split.before:1", "kill"),
        ("ledger.split.after:1", "kill"),
        ("ledger.split.before:2", "enospc"),
        ("artifact.put.after:2", "kill"),
        ("artifact.put.after:17", "kill"),
        ("commit.snapshot.before:2", "kill"),
    ],
)
def test_failing_at_some_passages_changes_nothing_in_the_end(
    point: str, kind: str, tmp_path: Path, source: Path, undisturbed: Path
) -> None:
    code, found = fail_and_run_again(point, kind, tmp_path / "home", source)

    assert code == (-signal.SIGKILL if kind == "kill" else 1)
    assert found == contents(undisturbed)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("write", SWEPT)
@pytest.mark.parametrize("kind", ["kill", "enospc"])
def test_failing_at_every_passage_changes_nothing_in_the_end(
    kind: str, write: str, side: str, tmp_path: Path, source: Path, undisturbed: Path
) -> None:
    expected = contents(undisturbed)
    passages = Counter((undisturbed.parent / "passages").read_text().split())
    point = f"{write}.{side}"

    for passage in range(1, passages[point] + 1):
        home = tmp_path / f"home{passage}"
        code, found = fail_and_run_again(f"{point}:{passage}", kind, home, source)
        assert code in ({-signal.SIGKILL} if kind == "kill" else {0, 1})
        assert found == expected, f"{point}:{passage}:{kind}"


def test_file_appended_while_its_blocks_are_worked_on_brings_only_the_new_ones(
    tmp_path: Path,
) -> None:
    """Killed between two blocks; somebody appends; the next run finds nothing twice."""
    source = workload.make_block_source(tmp_path / "source")
    home = tmp_path / "home"
    code = workload.in_process(
        workload.run_blocks, home, source, fault="commit.snapshot.after:1:kill"
    )
    assert code == -signal.SIGKILL
    file = source / "part1.csv"
    lines = file.read_text().splitlines()
    late = [f"late,{line.partition(',')[2]}" for line in lines if line.startswith("a,")]
    file.write_text("\n".join([*lines, *late, ""]))

    assert workload.in_process(workload.run_blocks, home, source) == 0

    with open_store(Settings(home=home)) as store:
        told = [(o.snapshot, o.state) for o in history(store.database, workload.NAME)]
    assert sorted(told) == [
        ("part1.csv#a", "processed"),
        ("part1.csv#b", "processed"),
        ("part1.csv#late", "processed"),
        ("part2.csv#a", "duplicate"),
        ("part2.csv#b", "processed"),
        ("part2.csv#c", "processed"),
    ]
