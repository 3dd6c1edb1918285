"""The one tree of a home: who holds it, and how to end exactly that.

The file is locked as long as the supervisor lives, so a stale one says nothing. It is no
part of the store: losing it loses no data.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from calmops_flows.errors import NotFoundError, SpecError
from calmops_flows.store.lease import own_identity

FILE_NAME = "up.json"


@dataclass(frozen=True, slots=True)
class Tree:
    """The supervisor of a running tree: process id, and an identity with its start time."""

    pid: int
    identity: str


@contextmanager
def hold_tree(home: Path) -> Iterator[None]:
    """Hold the home's tree within the block.

    Raises
    ------
    SpecError
        If another process holds it.
    """
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    number = os.open(home / FILE_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(number, "r+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as err:
            raise SpecError(
                f"the services of {str(home)!r} are up already; `calmops down` ends them"
            ) from err
        file.truncate()
        json.dump({"pid": os.getpid(), "identity": own_identity()}, file)
        file.flush()
        try:
            yield
        finally:
            file.seek(0)
            file.truncate()


def find_tree(home: Path) -> Tree | None:
    """Return who holds the home's tree, None when nobody does."""
    try:
        file = (home / FILE_NAME).open(encoding="utf-8")
    except FileNotFoundError:
        return None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            values = json.loads(file.read() or "{}")
            return Tree(values["pid"], values["identity"]) if values else None
    return None


def stop_tree(home: Path, *, seconds: float = 20.0) -> Tree:
    """End the tree and wait until its supervisor is gone, at the end by force.

    Raises
    ------
    NotFoundError
        If nothing is up.
    SpecError
        If it was started on another machine or in another container.
    """
    tree = find_tree(home)
    if tree is None:
        raise NotFoundError(f"no services of {str(home)!r} are up; `calmops up` starts them")
    mine = own_identity().split("/")[:3]
    if tree.identity.split("/")[:3] != mine:
        raise SpecError(f"the services were started elsewhere ({tree.identity}); end them there")
    try:
        process = os.pidfd_open(tree.pid)  # stands for this process, also if its id is reused
    except ProcessLookupError:
        return tree  # it has just ended by itself
    try:
        if find_tree(home) == tree:
            signal.pidfd_send_signal(process, signal.SIGTERM)
        _wait(home, tree, seconds)
        if find_tree(home) == tree:
            signal.pidfd_send_signal(process, signal.SIGKILL)
            _wait(home, tree, seconds)
    finally:
        os.close(process)
    return tree


def _wait(home: Path, tree: Tree, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while find_tree(home) == tree and time.monotonic() < deadline:
        time.sleep(0.1)
