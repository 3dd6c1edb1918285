"""A watcher in this process: with notices that never come, or with real ones."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from calmops_flows.flows.watching import Reaction, Watcher
from calmops_flows.flows.watching.notices import Notices
from calmops_flows.spec import parse_spec
from calmops_flows.steps.apply import apply
from calmops_flows.store.store import Store, open_store

PATIENCE_SECONDS = 120
Files = frozenset[tuple[str, str]]


@dataclass
class Recorder:
    """A reaction that remembers what it was told; ``failures`` of its calls raise first."""

    failures: int = 0
    calls: list[tuple[str, list[str]]] = field(default_factory=list)

    def __call__(self, pipeline: str, files: Files) -> None:
        if not files:
            return
        self.calls.append((pipeline, sorted(path for path, _ in files)))
        if len(self.calls) <= self.failures:
            raise ConnectionError("nobody answers")

    @property
    def paths(self) -> list[str]:
        return [path for _, paths in self.calls for path in paths]


@dataclass
class Time:
    """A clock that only waiting moves."""

    seconds: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.seconds


class Deaf(Notices):
    """Loses every notice; waiting moves the clock at once."""

    def __init__(self, now: Time) -> None:
        super().__init__()
        self.now = now

    def follow(self, folders: frozenset[str]) -> frozenset[str]:  # noqa: ARG002
        return frozenset()

    def wait(self, seconds: float) -> frozenset[str]:
        self.now.seconds += max(seconds, 0.01)
        return frozenset()


@pytest.fixture
def store() -> Iterator[Store]:
    with open_store() as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "arrivals"
    made.mkdir()
    return made


@pytest.fixture
def now() -> Time:
    return Time()


def declare(store: Store, path: Path | str, name: str = "p", **more: Any) -> None:
    """Apply a pipeline over a folder, whose files settle at once unless told otherwise."""
    source = {"path": str(path), "settle_seconds": 0, **more.pop("source", {})}
    model = {"class": "sklearn.linear_model.LogisticRegression"}
    apply(
        parse_spec({"name": name, "target": "label", "source": source, "model": model, **more}),
        store,
    )


def deaf(store: Store, react: Reaction, now: Time) -> Watcher:
    """Make a watcher that hears nothing and whose time passes only by waiting."""
    return Watcher(store, react, clock=now, wall=now, notices=Deaf(now))


def turn_for(watcher: Watcher, now: Time, seconds: float) -> None:
    """Let a watcher with a fake clock work for so long."""
    end = now.seconds + seconds
    while now.seconds < end:
        watcher.turn()


def turn_until(watcher: Watcher, is_reached: Callable[[], object], what: str) -> None:
    """Let a watcher with a real clock work until something is reached."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not is_reached():
        assert time.monotonic() < end, what
        watcher.turn()


def touch(path: Path, modified: float) -> None:
    """Write a small file with a time of change."""
    path.write_text("a,label\n1,x\n")
    os.utime(path, (modified, modified))
