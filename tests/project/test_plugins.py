"""The guards of the test run itself, each in a small run of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.plugins.times import group_of

ROOT = Path(__file__).parents[2]
CONFTEST = """
from pathlib import Path
from tests.plugins.skips import SkipGuard
from tests.plugins.times import GroupTimes

def pytest_configure(config):
    if hasattr(config, "workerinput"):
        return
    here = Path(__file__).parent
    table = here / "static.tsv"
    config.pluginmanager.register(SkipGuard(here / "allowed.txt"))
    config.pluginmanager.register(GroupTimes(table if table.exists() else None))
"""
SKIPPED = """
import pytest

@pytest.mark.skip(reason={reason!r})
def test_skipped(): pass

def test_ok(): pass
"""


def run(folder: Path, test: str, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "allowed.txt").write_text("# known\nno GPU on *\n")
    (folder / "pytest.ini").write_text("[pytest]\n")
    inner = folder / "tests" / "unit"
    inner.mkdir(parents=True)
    (inner / "test_it.py").write_text(test)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("options", [(), ("-n", "1")], ids=["one process", "xdist"])
def test_skip_for_an_unknown_reason_fails_the_run(tmp_path: Path, options: tuple[str, ...]) -> None:
    done = run(tmp_path, SKIPPED.format(reason="felt like it"), *options)

    assert done.returncode == 1
    assert "tests/unit/test_it.py::test_skipped: felt like it" in done.stdout


def test_skip_for_an_allowed_reason_passes(tmp_path: Path) -> None:
    done = run(tmp_path, SKIPPED.format(reason="no GPU on this machine"))

    assert done.returncode == 0
    assert "does not allow" not in done.stdout


@pytest.mark.parametrize("options", [(), ("-n", "1")], ids=["one process", "xdist"])
def test_module_that_skips_itself_fails_the_run(tmp_path: Path, options: tuple[str, ...]) -> None:
    done = run(tmp_path, "import pytest\npytest.importorskip('no_such_module')\n", *options)

    assert done.returncode != 0
    assert "could not import 'no_such_module'" in done.stdout


def test_expected_failure_is_no_skip(tmp_path: Path) -> None:
    done = run(tmp_path, "import pytest\n@pytest.mark.xfail\ndef test_x(): assert False\n")

    assert done.returncode == 0


def test_last_line_is_the_summary_and_times_stand_before_it(tmp_path: Path) -> None:
    done = run(tmp_path, "def test_ok(): pass\n", "-q")

    lines = done.stdout.strip().splitlines()
    assert lines[-1].startswith("1 passed")
    assert lines[-2].endswith("unit  1 tests")


def test_failed_static_check_fails_the_run_and_is_named(tmp_path: Path) -> None:
    (tmp_path / "static.tsv").write_text("ruff\t0.1\tok\nmypy\t9.5\tFAILED\n")

    done = run(tmp_path, "def test_ok(): pass\n")

    assert done.returncode == 1
    assert "static checks FAILED: mypy" in done.stdout


@pytest.mark.parametrize(
    ("nodeid", "group"),
    [
        ("tests/store/sub/test_a.py::test_b[x::y/z]", "store"),
        ("tests/test_top.py::test_b", "tests"),
        ("calmops_flows/detectors/ks.py::calmops_flows.detectors.ks", "doctests"),
    ],
)
def test_group_is_the_folder_under_tests(nodeid: str, group: str) -> None:
    assert group_of(nodeid) == group


GROUPED = """
import os
import pytest

@pytest.mark.xdist_group("together")
@pytest.mark.parametrize("number", range(8))
def test_where(number):
    with open("workers.txt", "a") as file:
        file.write(os.environ["PYTEST_XDIST_WORKER"] + "\\n")
"""


def test_tests_of_one_group_share_a_worker(tmp_path: Path) -> None:
    done = run(tmp_path, GROUPED, "-n", "2", "--dist", "loadgroup", "-p", "no:randomly")

    assert done.returncode == 0, done.stdout
    workers = (tmp_path / "workers.txt").read_text().split()
    assert len(workers) == 8
    assert len(set(workers)) == 1, "a server per group, not per worker"
