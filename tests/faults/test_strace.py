"""Kill, or fail, the real command at the N-th rename, fsync or unlink that the kernel sees."""

from __future__ import annotations

import os
import shutil
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

ROOT = Path(__file__).parents[2]
CALLS = {
    "rename": "rename,renameat,renameat2",
    "fsync": "fsync,fdatasync",
    "unlink": "unlink,unlinkat",
}
KILLED = 137
MOST = 400  # far more calls than a run makes: a sweep that gets here does not end


def may_trace() -> bool:
    if shutil.which("strace") is None:
        raise RuntimeError("the tests need strace (Debian, Ubuntu: apt-get install strace)")
    probe = ["strace", "-qq", "-o", "/dev/null", "true"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(not may_trace(), reason="this machine does not allow ptrace"),
]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("strace")
    folder = workload.make_source(root / "source")
    spec = yaml.safe_load(dump_spec(workload.make_spec(folder)))
    (root / "three.yaml").write_text(yaml.safe_dump(spec))
    return folder


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, source: Path) -> object:
    home = tmp_path_factory.mktemp("undisturbed") / "home"
    assert workload.in_process(workload.run_command, home, source) == 0
    return contents(home)


def traced(home: Path, source: Path, *inject: str) -> tuple[int, bool]:
    """Run the command under strace; return its exit code and whether a call was disturbed."""
    log = home.parent / f"{home.name}.strace"
    command = [sys.executable, "-m", "calmops_flows.cli.main", "run", "--no-prefect"]
    done = subprocess.run(
        [
            "strace",
            "-f",
            "-qq",
            "-o",
            log,
            *inject,
            *command,
            source.parent / "three.yaml",
        ],
        cwd=ROOT,
        env={
            **os.environ,
            "CALMOPS_HOME": str(home),
            "CALMOPS_TRUSTED_MODULES": "tests",
            "FITS": str(home.parent / f"{home.name}.fits"),
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert "Traceback" not in done.stderr, done.stderr[-3000:]
    if done.returncode in {-9, KILLED}:
        return KILLED, True
    return done.returncode, "(INJECTED)" in log.read_text(errors="replace")


def injection(calls: str, what: str, when: int) -> list[str]:
    return ["-e", f"trace={CALLS[calls]}", "-e", f"inject={CALLS[calls]}:{what}:when={when}"]


def recovers(home: Path, source: Path, expected: object) -> None:
    assert workload.in_process(workload.run_command, home, source) == 0
    assert contents(home) == expected


@pytest.mark.parametrize(
    ("calls", "when"), [("rename", 2), pytest.param("fsync", 9, marks=pytest.mark.slow)]
)
def test_killed_at_a_system_call_ends_as_undisturbed(
    calls: str, when: int, tmp_path: Path, source: Path, expected: object
) -> None:
    home = tmp_path / "home"

    code, is_disturbed = traced(home, source, *injection(calls, "signal=SIGKILL", when))

    assert (code, is_disturbed) == (KILLED, True)
    recovers(home, source, expected)


@pytest.mark.parametrize(
    ("calls", "error"), [("fsync", "ENOSPC"), pytest.param("rename", "EIO", marks=pytest.mark.slow)]
)
def test_error_of_a_system_call_ends_as_undisturbed(
    calls: str, error: str, tmp_path: Path, source: Path, expected: object
) -> None:
    home = tmp_path / "home"

    code, is_disturbed = traced(home, source, *injection(calls, f"error={error}", 3))

    assert code in {0, 1}
    assert is_disturbed
    recovers(home, source, expected)


def test_source_that_gives_read_errors_is_set_aside_with_the_reason(
    tmp_path: Path, source: Path
) -> None:
    home = tmp_path / "home"
    bad = str(source / "part1.csv")

    code, is_disturbed = traced(
        home, source, "-P", bad, "-e", "trace=read,pread64", "-e", "inject=read,pread64:error=EIO"
    )

    with open_store(Settings(home=home)) as store:
        states = {o.snapshot: o.state for o in history(store.database, workload.NAME)}
    assert (code, is_disturbed) == (0, True)
    assert (states["part0.csv"], states["part2.csv"]) == ("processed", "processed")
    assert "part1.csv" not in states, "no digest, no entry: it is named, and tried again"
    assert workload.in_process(workload.run_command, home, source) == 0
    with open_store(Settings(home=home)) as store:
        (late,) = (o for o in history(store.database, workload.NAME) if o.snapshot == "part1.csv")
    assert late.state == "processed"


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("calls", CALLS)
@pytest.mark.parametrize("what", ["signal=SIGKILL", "error=ENOSPC", "error=EIO"])
def test_fault_at_every_system_call_ends_as_undisturbed(
    what: str, calls: str, tmp_path: Path, source: Path, expected: object
) -> None:
    """The N-th call fails, for N = 1, 2, … until a run ends that nothing has disturbed."""
    for when in range(1, MOST):
        home = tmp_path / f"home{when}"
        _, is_disturbed = traced(home, source, *injection(calls, what, when))
        recovers(home, source, expected)
        shutil.rmtree(home)
        if not is_disturbed:
            return
    raise AssertionError(f"more than {MOST} calls of {calls}")
