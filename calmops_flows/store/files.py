"""Write files whole or not at all, and sweep up what killed writes left."""

from __future__ import annotations

import io
import logging
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

logger = logging.getLogger(__name__)
LEFT_SECONDS = 24 * 3600.0  # no write takes a day: older temporary files are nobody's
_TEMPORARY = ".tmp-"
_CHUNK = 1 << 20
_swept: set[Path] = set()


def write_durably(target: Path, stream: io.BufferedIOBase) -> None:
    """Write aside, fsync, rename, fsync the folder: whole or not at all.

    The first write of a process into a folder removes what killed writes left there more
    than a day ago.
    """
    _sweep_once(target.parent)
    handle, partial = tempfile.mkstemp(dir=target.parent, prefix=_TEMPORARY)
    try:
        with os.fdopen(handle, "wb") as out:
            while chunk := stream.read(_CHUNK):
                out.write(chunk)
            out.flush()
            os.fsync(out.fileno())
        Path(partial).replace(target)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def is_unfinished(name: str) -> bool:
    """Say whether a file name is that of a write under way, or of one that was killed.

    Examples
    --------
    >>> is_unfinished(".tmp-k3j2"), is_unfinished("june.parquet")
    (True, False)
    """
    return name.startswith(_TEMPORARY)


def unfinished(folder: Path) -> Iterator[tuple[Path, float]]:
    """Yield the temporary files in a folder, each with its time of writing.

    Parameters
    ----------
    folder : Path
        Need not exist.

    Raises
    ------
    OSError
        If the folder cannot be read.
    """
    try:
        entries = os.scandir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    with entries:
        for entry in entries:
            if not is_unfinished(entry.name):
                continue
            try:
                yield Path(entry.path), entry.stat(follow_symlinks=False).st_mtime
            except FileNotFoundError:
                continue  # its write has ended


def _sweep_once(folder: Path) -> None:
    """Remove old temporary files; what cannot be removed is no reason not to write."""
    if folder in _swept:
        return
    _swept.add(folder)
    oldest = time.time() - LEFT_SECONDS
    try:
        for path, written in unfinished(folder):
            if written < oldest:
                path.unlink(missing_ok=True)
    except OSError as err:
        logger.warning("left-over temporary files in %s stay there: %s", folder, err)
