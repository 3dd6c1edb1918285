"""The shell completes commands, options and the names of pipelines."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from calmops_flows.store.store import Store, open_store
from tests.watching.conftest import declare

CALMOPS = Path(sys.executable).with_name("calmops")


def bash(script: str, tmp_path: Path) -> str:
    """Run a script in a bash of its own, with a home of its own."""
    variables = os.environ | {
        "HOME": str(tmp_path),
        "PATH": f"{CALMOPS.parent}:{os.environ['PATH']}",
    }
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def completed(words: str, setup: str, tmp_path: Path) -> list[str]:
    """Return what bash would offer for the last of the words."""
    count = len(words.split(" ")) - 1
    ask = f"COMP_WORDS=({words}); COMP_CWORD={count}; _calmops_completion calmops; "
    return bash(f'{setup}\n{ask} printf "%s\\n" "${{COMPREPLY[@]}}"', tmp_path).split()


@pytest.fixture
def store() -> Store:
    with open_store() as opened:
        for name in ("flights", "flights-by-origin", "weather"):
            declare(opened, f"{name}-arrivals", name)
    return opened


def test_shown_script_completes_commands_and_names(store: Store, tmp_path: Path) -> None:
    shown = 'eval "$(calmops --show-completion)"'

    assert completed("calmops stat", shown, tmp_path) == ["status"]
    assert completed("calmops status fl", shown, tmp_path) == ["flights", "flights-by-origin"]
    assert completed("calmops watch flights w", shown, tmp_path) == ["weather"]


def test_installed_script_completes_in_the_next_shell(store: Store, tmp_path: Path) -> None:
    bash("calmops --install-completion; true", tmp_path)

    assert completed("calmops run wea", 'source "$HOME/.bashrc"', tmp_path) == ["weather"]


@pytest.mark.parametrize("home", ["missing", "broken"])
def test_without_a_readable_store_nothing_is_offered_and_nothing_is_said(
    home: str, tmp_path: Path
) -> None:
    folder = tmp_path / home
    if home == "broken":
        folder.mkdir()
        (folder / "calmops.db").write_bytes(b"no database" * 100)
    setup = f'export CALMOPS_HOME={folder}; eval "$(calmops --show-completion)"'

    assert completed("calmops status fl", setup, tmp_path) == []
    assert home == "broken" or not folder.exists()
