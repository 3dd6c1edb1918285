"""The last lines of a pipeline's log file, filtered."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from calmops_flows.read.names import require_pipeline

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from calmops_flows.store.store import Store

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
MOST_LINES = 2000
_MOST_BYTES = 4 * 2**20
_LINE = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),\d+ ([A-Z]+) (\S+): (.*)$")


@dataclass(frozen=True, slots=True)
class LogLine:
    """One record; ``at`` is in the local time of the machine that wrote it."""

    at: str
    level: str
    logger: str
    text: str


@dataclass(frozen=True, slots=True)
class LogView:
    """Lines, newest first; ``file`` is None when nothing was logged yet."""

    file: Path | None
    lines: tuple[LogLine, ...]
    n_read: int


def log_lines(
    store: Store,
    name: str,
    *,
    levels: Collection[str] = (),
    containing: str = "",
    since: str = "",
    until: str = "",
) -> LogView:
    """Return the last lines of a pipeline's log.

    Parameters
    ----------
    store : Store
        The store.
    name : str
        Name of the pipeline.
    levels : collection of str, optional
        Only these levels; default all.
    containing : str, optional
        Only lines with this text, upper and lower case alike.
    since, until : str, optional
        First and last time, as far as given: ``2024-01-31 12``.

    Raises
    ------
    NotFoundError
        If there is no pipeline of that name.
    """
    with store.database.read() as connection:
        require_pipeline(connection, name)
    file = store.settings.logs / f"{name}.log"
    read = _parsed(_tail(file))
    wanted = containing.casefold()
    found = [
        line
        for line in read
        if (not levels or line.level in levels)
        and wanted in line.text.casefold()
        and line.at >= since
        and (not until or line.at[: len(until)] <= until)
    ]
    return LogView(file if file.is_file() else None, tuple(found[:MOST_LINES]), len(read))


def _tail(file: Path) -> list[str]:
    """Return the lines of the last megabytes, the first one left out if it may be cut."""
    if not file.is_file():
        return []
    with file.open("rb") as opened:
        size = opened.seek(0, 2)
        opened.seek(max(0, size - _MOST_BYTES))
        lines = opened.read().decode("utf-8", errors="replace").splitlines()
    return lines[1:] if size > _MOST_BYTES else lines


def _parsed(lines: list[str]) -> list[LogLine]:
    """Read lines, newest first; one of another form is shown as it is."""
    found = []
    for line in reversed(lines):
        fields = _LINE.match(line)
        found.append(LogLine(*fields.groups()) if fields else LogLine("", "INFO", "", line))
    return found
