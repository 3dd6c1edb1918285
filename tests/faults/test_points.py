"""Every durable call lies in a fault point, and every point is a row of the table."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import calmops_flows
from calmops_flows.errors import SpecError
from calmops_flows.faults import DURABLE_WRITES, durable, fault_point

PACKAGE = Path(calmops_flows.__file__).parent
TABLE = PACKAGE.parent / "docs" / "architecture.md"
DURABLE_CALLS = {
    "replace": None,
    "rename": None,
    "link": "os",
    "begin": None,
    "pipe_file": None,
    "put_file": "fs",
    "fsync": "os",
    "backup": None,
    "write_bytes": None,
    "write_text": None,
    "executescript": None,
}
# Functions whose durable calls are marked by their caller, and files that nobody relies on.
ELSEWHERE = {
    "services/supervisor.py:Supervisor.run": "up.json names processes; a stale one names none",
    "services/environment.py:write_file": "files of services that `calmops up` writes again",
    "store/database.py:Database.write": "takes the point's name and marks it",
    "store/files.py:write_durably": "called within artifact.put and export.write",
    "store/exports.py:_write_remote": "called by write_export within export.write",
    "store/artifacts.py:ArtifactStore._write": "called by put_stream within artifact.put",
    "data/readers/arff.py:read_arff": "a private temporary file of the reader",
    "backtest/material.py:retained_copies": "a private temporary folder, gone with the backtest",
}


def test_table_of_durable_writes_names_exactly_the_fault_points() -> None:
    rows = re.findall(r"^\| `([a-z_.]+)` \|", TABLE.read_text(encoding="utf-8"), re.MULTILINE)

    assert sorted(rows) == sorted(DURABLE_WRITES)


def test_every_point_is_used_in_the_code() -> None:
    used = {name for name, _ in _marks()}

    assert used == set(DURABLE_WRITES)


def test_every_durable_call_lies_within_a_fault_point() -> None:
    bare = [place for place in _durable_calls() if place not in ELSEWHERE]

    assert bare == []


def _trees() -> Iterator[tuple[str, ast.Module]]:
    for file in sorted(PACKAGE.rglob("*.py")):
        name = file.relative_to(PACKAGE).as_posix()
        if not name.startswith(
            ("store/migrations/", "_dashboard/", "cli/", "demo", "tutorials/", "generators/")
        ):
            yield name, ast.parse(file.read_text(encoding="utf-8"))


def _marks() -> Iterator[tuple[str, str]]:
    """Yield every name given to ``durable`` or to a database's ``write``."""
    for file, tree in _trees():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            first = node.args[0]
            name = first.value if isinstance(first, ast.Constant) else None
            if called in {"durable", "write"} and isinstance(name, str) and "." in name:
                yield name, file


def _durable_calls() -> Iterator[str]:
    for file, tree in _trees():
        yield from (f"{file}:{name}" for name in _unmarked(tree, []))


def _unmarked(node: ast.AST, scope: list[str]) -> Iterator[str]:
    """Yield the qualified names of functions with a durable call outside a point."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        scope = [*scope, node.name]
    if isinstance(node, ast.With) and any(_is_mark(item.context_expr) for item in node.items):
        return
    if isinstance(node, ast.Call) and _is_durable(node):
        yield ".".join(scope)
    for child in ast.iter_child_nodes(node):
        yield from _unmarked(child, scope)


def _is_mark(call: ast.expr) -> bool:
    if not isinstance(call, ast.Call):
        return False
    if getattr(call.func, "id", "") == "durable":
        return True
    first = call.args[0] if call.args else None
    return (
        getattr(call.func, "attr", "") == "write"
        and isinstance(first, ast.Constant)
        and first.value in DURABLE_WRITES
    )


def _is_durable(call: ast.Call) -> bool:
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in DURABLE_CALLS:
        return False
    if call.func.attr == "replace" and (len(call.args) != 1 or call.keywords):
        return False  # of a string or a time, not Path.replace(target)
    owner = DURABLE_CALLS[call.func.attr]
    return owner is None or getattr(call.func.value, "id", "") == owner


def test_point_fails_at_the_passage_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALMOPS_FAULT", "example.write.after:2:enospc")
    passed: list[int] = []

    def write_five_times() -> None:
        for passage in range(5):
            with durable("example.write"):
                passed.append(passage)

    with pytest.raises(OSError, match="No space left"):
        write_five_times()

    assert passed == [0, 1]


@pytest.mark.parametrize("text", ["x", "x:1", "x:one:kill", "x:1:explode", "a:1:kill:b"])
def test_unreadable_request_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("CALMOPS_FAULT", text)

    with pytest.raises(SpecError, match="CALMOPS_FAULT"):
        fault_point("x")
