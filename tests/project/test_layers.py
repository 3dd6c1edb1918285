"""The import contracts hold, and they would notice a breach."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", code, "--no-cache", "--no-logo"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    ignore = shutil.ignore_patterns("__pycache__", "_dashboard")
    shutil.copytree(ROOT / "calmops_flows", tmp_path / "calmops_flows", ignore=ignore)
    return tmp_path


def test_the_package_keeps_its_contracts() -> None:
    done = lint(ROOT)

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("records.py", "import calmops_flows.settings", "Imports point downwards"),
        ("settings.py", "import calmops_flows.spec", "Imports point downwards"),
        ("spec/base.py", "import prefect", "Prefect stays in flows, blocks and cli"),
        ("spec/base.py", "import streamlit", "Streamlit stays in the dashboard"),
        ("spec/base.py", "import evidently", "Evidently stays in the reports"),
    ],
)
def test_breach_is_noticed(copy: Path, module: str, line: str, contract: str) -> None:
    file = copy / "calmops_flows" / module
    file.write_text(f"{file.read_text()}\n{line}\n")

    done = lint(copy)

    assert done.returncode == 1
    assert f"{contract} BROKEN" in done.stdout


def test_module_without_a_layer_is_noticed(copy: Path) -> None:
    (copy / "calmops_flows" / "utils.py").write_text('"""Nowhere."""\n')

    done = lint(copy)

    assert done.returncode == 1
    assert "utils" in done.stdout
