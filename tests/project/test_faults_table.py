"""The table of faults names tests that exist, and has a test or a reason in every row."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
TABLE = TESTS.parent / "docs" / "faults.md"
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")
REASON = "cannot be tested here, because "


def rows() -> list[list[str]]:
    """Return the cells of every row, without headings and rules."""
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if line[:1] == "|"]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if row[0] != "fault" and not row[0].startswith("---")]


@cache
def functions(file: str) -> frozenset[str]:
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def test_every_test_named_exists() -> None:
    named = {found for _, _, test in rows() for found in NAMED.findall(test)}

    missing = [
        f"{file}::{name}"
        for file, name in sorted(named)
        if not (TESTS / file).is_file() or name not in functions(file)
    ]
    assert missing == []
    assert len(named) > 50


@pytest.mark.parametrize("row", rows(), ids=lambda row: str(row[0]))
def test_row_has_a_test_or_a_reason(row: list[str]) -> None:
    assert len(row) == 3, "a cell holds a bar"
    assert NAMED.search(row[2]) or row[2].startswith(REASON), row[0]
    assert row[1]
