"""Notices of the operating system that something changed below a folder.

They only say when to look early. Whether they are lost, late, doubled or refused (a full
queue, too many watches, a network folder) changes no result: the watcher also looks by itself.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

logger = logging.getLogger(__name__)
DEBOUNCE_MS = 400
FIRST_WORD_MS = 1000  # after this the watch stands, whatever has happened
Identity = tuple[int, int]


@dataclass(slots=True)
class Notices:
    """Follows folders in a thread; the caller waits for the names of those that changed."""

    _changed: queue.SimpleQueue[str] = field(default_factory=queue.SimpleQueue)
    _present: dict[str, Identity] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    def follow(self, folders: frozenset[str]) -> frozenset[str]:
        """Follow these folders; return those that have come, gone or been replaced.

        A folder that was deleted and made again is another one, though its name is the same.
        """
        present = {f: i for f in folders if (i := _identity(f)) is not None}
        if present == self._present:
            return frozenset()
        other = {
            f for f in present.keys() | self._present if self._present.get(f) != present.get(f)
        }
        self.close()
        self._present, self._stop = present, threading.Event()
        if present:
            arguments = (tuple(present), self._stop, self._changed)
            threading.Thread(
                target=_listen, args=arguments, name="calmops-notices", daemon=True
            ).start()
        return frozenset(other)

    def wait(self, seconds: float) -> frozenset[str]:
        """Wait for a notice, at most so long; return the folders that changed."""
        found = set()
        try:
            found.add(self._changed.get(timeout=max(seconds, 0.0)))
            while True:
                found.add(self._changed.get_nowait())
        except queue.Empty:
            return frozenset(found)

    def close(self) -> None:
        """Follow nothing any more."""
        self._stop.set()


def _listen(
    folders: tuple[str, ...], stop: threading.Event, changed: queue.SimpleQueue[str]
) -> None:
    from watchfiles import watch

    try:
        turns = watch(
            *folders,
            watch_filter=None,
            debounce=DEBOUNCE_MS,
            stop_event=stop,
            rust_timeout=FIRST_WORD_MS,
            yield_on_timeout=True,
            raise_interrupt=False,
            ignore_permission_denied=True,
        )
        for number, changes in enumerate(turns):
            # What came while the watch was set up gave no notice: look once more.
            for folder in folders if number == 0 else _folders_of(folders, changes):
                changed.put(folder)
    except (OSError, RuntimeError) as err:
        logger.warning("no notices of changes in %d folders: %s", len(folders), err)


def _folders_of(folders: tuple[str, ...], changes: Iterable[tuple[object, str]]) -> set[str]:
    paths = [path for _, path in changes]
    return {
        folder
        for folder in folders
        if any(path == folder or path.startswith(folder.rstrip("/") + "/") for path in paths)
    }


def _identity(folder: str) -> Identity | None:
    try:
        found = os.stat(folder)  # noqa: PTH116 - names need not be valid text
    except OSError:
        return None
    return found.st_dev, found.st_ino
