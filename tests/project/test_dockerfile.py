"""The image: every RUN line works in an empty folder, the base is pinned, nobody is root."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.check_dockerfile import context_names, instructions

ROOT = Path(__file__).parents[2]
SCRIPT = [sys.executable, str(ROOT / "scripts" / "check_dockerfile.py")]
LINES = instructions((ROOT / "Dockerfile").read_text(encoding="utf-8"))


def arguments(name: str) -> list[str]:
    return [argument for instruction, argument in LINES if instruction == name]


def test_every_run_line_works_with_borrowed_libraries() -> None:
    done = subprocess.run([*SCRIPT, "--sample"], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert len(re.findall(r"^RUN ", done.stdout, re.MULTILINE)) == len(arguments("RUN")) + 2
    assert "all RUN lines work" in done.stdout


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_server_worker_and_dashboard_start_from_what_the_lines_made() -> None:
    done = subprocess.run(SCRIPT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert [f"{n} answers" in done.stdout for n in ("server", "worker", "dashboard")] == [True] * 3
    assert "has built the image" in done.stdout or "image not built" in done.stdout


def test_bases_are_pinned_to_a_patch_version_and_the_last_one_is_slim() -> None:
    bases = [argument.split()[0] for argument in arguments("FROM")]

    assert all(re.fullmatch(r"python:3\.\d+\.\d+(-slim)?-bookworm", base) for base in bases)
    assert len({base.replace("-slim", "") for base in bases}) == 1
    assert bases[-1].endswith("-slim-bookworm")


def test_the_user_is_not_root_and_no_secret_is_built_in() -> None:
    names = [instruction for instruction, _ in LINES]
    variables = {argument.split("=")[0] for argument in arguments("ENV")}

    assert arguments("USER")[-1] == "1000:1000"
    assert names.index("USER") > max(i for i, name in enumerate(names) if name == "RUN")
    assert not [name for name in variables if re.search("TOKEN|KEY|PASSWORD|AUTH|SECRET", name)]
    assert "ARG" not in names


def test_builder_sees_only_what_the_wheel_needs() -> None:
    seen = context_names((ROOT / ".dockerignore").read_text(encoding="utf-8"))

    assert set(seen) == {
        "pyproject.toml",
        "requirements.lock",
        "README.md",
        "LICENSE",
        "calmops_flows",
        "dashboard",
    }
