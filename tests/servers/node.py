"""What the tests take from npm."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parents[2] / "build" / "node" / "node_modules"


def from_npm(name: str) -> Path:
    """Return a file of the packages in tests/node/package.json; without it, tests fail."""
    file = FOLDER / name
    assert file.exists(), f"{file} is missing: run scripts/system.sh, which needs npm"
    return file
