"""What the committed files may hold, and how large they may grow."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
MAX_LINES = 350
# File -> reason. A long file that is not here fails, and so does an entry that is not needed.
LONG_FILES: dict[str, str] = {
    "calmops_flows/store/migrations/versions/0001_initial_schema.py": "one schema, one migration",
}
# Written in parts, so that this file does not name what it forbids.
REGISTRY_HOSTS = ("py" + "pi.org", "python" + "hosted.org", "simple" + "/index", "--index" + "-url")
MACHINE_PATH = re.compile(r"(?<![\w.~}\)])/(?:wo" + r"rk|tm" + r"p|ro" + r"ot)/\w")


def committed() -> list[Path]:
    """List the files that are, or would be, committed."""
    done = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = [ROOT / name for name in done.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def texts() -> dict[str, str]:
    found = {}
    for path in committed():
        content = path.read_bytes()
        if b"\0" not in content:
            found[path.relative_to(ROOT).as_posix()] = content.decode(errors="replace")
    return found


def test_no_file_names_a_package_registry() -> None:
    named = [
        (name, host) for name, text in texts().items() for host in REGISTRY_HOSTS if host in text
    ]

    # The lock is written with the option that leaves the addresses out.
    assert [hit for hit in named if hit[0] != "scripts/lock.sh"] == []


def test_no_file_holds_a_path_of_one_machine() -> None:
    hits = [
        (name, hit.group()) for name, text in texts().items() for hit in MACHINE_PATH.finditer(text)
    ]

    assert hits == []


def test_no_file_of_the_package_is_too_long() -> None:
    lines = {name: text.count("\n") for name, text in texts().items() if name.endswith(".py")}
    long = {
        name for name, n in lines.items() if n > MAX_LINES and name.startswith("calmops_flows/")
    }

    assert long == set(LONG_FILES)


def test_license_is_the_one_that_the_project_declares() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert project["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text()


def test_lock_holds_exact_pins_only() -> None:
    lines = (ROOT / "requirements.lock").read_text().splitlines()

    odd = [
        line
        for line in lines
        if not re.fullmatch(r"[\w.\-]+(\[[\w,\-]+\])?==[\w.+!]+( ; .+)?", line)
    ]
    assert odd == []


def test_lock_keeps_the_bounds() -> None:
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [
        *project["dependencies"],
        *(x for e in project["optional-dependencies"].values() for x in e),
    ]
    lock = (Requirement(line) for line in (ROOT / "requirements.lock").read_text().splitlines())
    pins = {canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in lock}
    bounds = [Requirement(line) for line in lines if not line.startswith("calmops-flows")]

    broken = [
        str(b) for b in bounds if not b.specifier.contains(pins.get(canonicalize_name(b.name), ""))
    ]
    assert broken == []


def test_pre_commit_runs_only_what_is_installed_here() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())

    assert {repo["repo"] for repo in config["repos"]} == {"local"}
    assert {hook["language"] for repo in config["repos"] for hook in repo["hooks"]} == {"system"}


@pytest.mark.parametrize(
    "name", ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "Makefile", ".ci/run"]
)
def test_file_that_a_newcomer_looks_for_is_there(name: str) -> None:
    assert (ROOT / name).stat().st_size > 0
