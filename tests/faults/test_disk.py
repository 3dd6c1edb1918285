"""Real disks that are full or may not be written, and memory that is not there."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from calmops_flows.settings import Settings
from calmops_flows.spec import dump_spec
from calmops_flows.store import open_store
from calmops_flows.store.history import history
from tests.faults import workload
from tests.faults.contents import contents

pytestmark = pytest.mark.faults
ROOT = Path(__file__).parents[2]
# What makes root ignore the modes of files; without them it is a user like any other.
NO_POWERS = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Give the source of three snapshots, with its spec beside it."""
    folder = workload.make_source(tmp_path / "source")
    spec = yaml.safe_load(dump_spec(workload.make_spec(folder)))
    (tmp_path / "three.yaml").write_text(yaml.safe_dump(spec))
    return folder


def may_mount() -> bool:
    if os.getuid() != 0 or shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "--mount", "true"], check=False).returncode == 0


def as_json(value: object) -> object:
    return json.loads(json.dumps(value, default=str))


@pytest.mark.skipif(not may_mount(), reason="this machine does not allow mounts")
def test_full_disk_of_any_size_ends_in_one_line_and_room_mends_all(
    source: Path, tmp_path: Path
) -> None:
    undisturbed = tmp_path / "undisturbed"
    assert workload.in_process(workload.run_command, undisturbed, source) == 0
    expected = as_json(contents(undisturbed))
    result = tmp_path / "result.json"
    program = [sys.executable, "-m", "tests.faults.small_disk"]

    subprocess.run(
        ["unshare", "--mount", *program, str(source), str(tmp_path / "disk"), str(result)],
        cwd=ROOT,
        check=True,
        timeout=240,
    )

    found = json.loads(result.read_text())
    for size, first, said, second, left, rows in found:
        assert first in {0, 1}, (size, said)
        assert "Traceback" not in said, (size, said)
        assert first == 0 or said.splitlines()[-1].startswith("calmops: "), (size, said)
        assert (second, left) == (0, []), size
        assert rows == expected, size
    codes = [first for _, first, *_ in found]
    assert codes[0] == 1
    assert codes[-1] == 0


def run_without_powers(home: Path, source: Path) -> subprocess.CompletedProcess[str]:
    prefix = NO_POWERS if os.getuid() == 0 else []
    command = [sys.executable, "-m", "calmops_flows.cli.main", "run", "--no-prefect"]
    return subprocess.run(
        [*prefix, *command, str(source.parent / "three.yaml")],
        env={
            **os.environ,
            "CALMOPS_HOME": str(home),
            "CALMOPS_TRUSTED_MODULES": "tests",
            "FITS": str(source.parent / "fits"),
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_home_that_may_not_be_written_is_refused_in_one_line(source: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(0o555)

    done = run_without_powers(home, source)

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "calmops.db" in done.stderr
    assert list(home.iterdir()) == []


def test_source_that_may_not_be_written_is_processed_and_an_unreadable_file_named(
    source: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    secret = source / "part9.csv"
    shutil.copy(source / "part1.csv", secret)
    secret.write_text(secret.read_text() + "0.5,0.5,1\n")
    os.utime(secret, (1_700_000_000, 1_700_000_000))
    secret.chmod(0)
    source.chmod(0o555)

    done = run_without_powers(home, source)

    assert done.returncode == 0, done.stderr
    assert "part9.csv" in done.stdout
    assert "Traceback" not in done.stderr
    with open_store(Settings(home=home)) as store:
        states = {o.snapshot: o.state for o in history(store.database, workload.NAME)}
    assert {name: states[name] for name in ("part0.csv", "part1.csv", "part2.csv")} == {
        f"part{n}.csv": "processed" for n in range(3)
    }
    assert states.get("part9.csv") in {None, "quarantined", "pending"}


def test_file_that_does_not_fit_into_memory_fails_alone(source: Path, tmp_path: Path) -> None:
    """Three runs fail for want of memory; then it is set aside, and the others are there."""
    home = tmp_path / "home"
    huge = source / "part9.csv"
    row = "0.123456789,0.987654321,1\n"
    huge.write_text("a,b,y\n" + row * (60 * 2**20 // len(row)))
    os.utime(huge, (1_700_000_000, 1_700_000_000))

    codes = [workload.in_process(workload.run_short_of_memory, home, source) for _ in range(4)]
    log = (tmp_path / "home.stderr").read_text()

    # Where Arrow cannot even make a buffer of its own, it aborts the process.
    assert codes[-1] == 0, log
    assert set(codes[:-1]) <= {1, -signal.SIGABRT}, log
    with open_store(Settings(home=home)) as store:
        found = {o.snapshot: (o.state, o.reason) for o in history(store.database, workload.NAME)}
    assert found.pop("part9.csv") == (
        "quarantined",
        "crashed: three attempts ended without an outcome",
    )
    assert {state for state, _ in found.values()} == {"processed"}
    assert len(found) == 3
    assert "Traceback" not in log
