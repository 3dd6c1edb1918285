"""Sources in the local file system."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

from calmops_flows.data.arrivals import Seen, encode_path, is_temporary, stamp_key
from calmops_flows.data.batch import SUFFIXES
from calmops_flows.errors import NotReadyError, SnapshotError, SpecError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from calmops_flows.data.batch import Limits

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_BLOCK_BYTES = 512
_SPARSE_FROM_BYTES = 64 * 2**20
_SPARSE_RATIO = 200
_KINDS = (
    (stat.S_ISFIFO, "fifo"),
    (stat.S_ISSOCK, "socket"),
    (stat.S_ISCHR, "device"),
    (stat.S_ISBLK, "device"),
)


def stamp_of(status: os.stat_result) -> str:
    """Stamp a local file: size, both times in nanoseconds, and inode.

    Parameters
    ----------
    status : os.stat_result
        Status of the file.
    """
    return f"{status.st_size}-{status.st_mtime_ns}-{status.st_ctime_ns}-{status.st_ino}"


def is_settled(status: os.stat_result, settle_seconds: float, now: float) -> bool:
    """Say whether nobody seems to write to a file any more.

    A change time in the future (a copied time, a clock that was set back) says
    nothing: then the time of the last status change counts.

    Parameters
    ----------
    status : os.stat_result
        Status of the file.
    settle_seconds : float
        How long it must have been left alone.
    now : float
        Seconds since the epoch.
    """
    age = now - status.st_mtime
    return (age if age >= 0 else abs(now - status.st_ctime)) >= settle_seconds


def walk(
    root: str, matches: Callable[[str], bool], limits: Limits, known: Mapping[str, int]
) -> Iterator[tuple[str, os.stat_result | str]]:
    """Walk a folder and all folders in it, one status call per file.

    Of a million known files each costs a few microseconds: what has its old stamp is passed
    over before anything else is asked.

    Parameters
    ----------
    root : str
        The source's folder.
    matches : callable
        Says whether a relative path matches the source's pattern.
    limits : Limits
        Larger files are skipped.
    known : mapping of str to int
        `stamp_key` of the stamp by stored path.

    Yields
    ------
    tuple
        Stored path and status of a regular file that is not known with its present
        stamp, or stored path and the reason why it is skipped.

    Raises
    ------
    SpecError
        If the source's folder does not exist.
    """
    if not os.path.isdir(root):  # noqa: PTH112 - names need not be valid text
        raise SpecError(f"source.path must be a folder, found none at {root!r}; create it first")
    plain_bytes = min(limits.max_file_bytes + 1, _SPARSE_FROM_BYTES)
    folders = [("", root)]
    while folders:
        prefix, folder = folders.pop()
        try:
            entries = os.scandir(folder)
        except OSError as err:
            yield encode_path(prefix), f"folder cannot be read: {err.strerror}"
            continue
        with entries:
            for entry in entries:
                name = entry.name
                relative = prefix + name
                key = known.get(relative)
                if key is not None and _is_as_known(entry, relative, key, plain_bytes):
                    continue
                if is_temporary(name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    if _looks_like_file(name):
                        yield encode_path(relative), "a folder with the name of a file"
                    else:
                        folders.append((relative + "/", entry.path))
                elif matches(relative) and (found := _news(entry, relative, root, limits, known)):
                    yield encode_path(relative), found


def _is_as_known(entry: os.DirEntry[str], relative: str, key: int, plain_bytes: int) -> bool:
    """Say whether an ordinary file has the stamp that its stored path is known with."""
    if "%" in relative or ":" in relative:  # perhaps the stored path of another file
        return False
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:
        return False  # `_judge` says what is the matter
    is_plain = stat.S_ISREG(status.st_mode) and status.st_size < plain_bytes
    return is_plain and key == _key_of(status)


def _news(
    entry: os.DirEntry[str], relative: str, root: str, limits: Limits, known: Mapping[str, int]
) -> os.stat_result | str | None:
    """Return what `_judge` says, but None for a file that is known as it is."""
    found = _judge(entry, root, limits)
    if isinstance(found, os.stat_result) and known.get(encode_path(relative)) == _key_of(found):
        return None
    return found


def _key_of(status: os.stat_result) -> int:
    return stamp_key(stamp_of(status))


def _looks_like_file(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in SUFFIXES  # noqa: PTH122 - see above


def _judge(entry: os.DirEntry[str], root: str, limits: Limits) -> os.stat_result | str | None:
    """Return the status of a regular file, else why it is none; None when it is gone."""
    try:
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    except OSError as err:
        return f"cannot be looked at: {err.strerror}"
    mode = status.st_mode
    if stat.S_ISREG(mode):
        return _refusal(status, limits) or status
    if stat.S_ISLNK(mode):
        return _link_reason(entry.path, root)
    return next((kind for is_of, kind in _KINDS if is_of(mode)), "not a file")


def _refusal(status: os.stat_result, limits: Limits) -> str | None:
    size = status.st_size
    if size >= _SPARSE_FROM_BYTES and status.st_blocks * _BLOCK_BYTES * _SPARSE_RATIO < size:
        return f"sparse: {size} bytes of which {status.st_blocks * _BLOCK_BYTES} are written"
    if size > limits.max_file_bytes:
        return f"{size} bytes are over the limit of {limits.max_file_bytes}"
    return None


def _link_reason(path: str, root: str) -> str:
    target = os.path.realpath(path)
    inside = os.path.realpath(root) + os.sep
    if target.startswith(inside):
        return "symlink to another file of the source"
    return "symlink out of the source"


def open_inside(root: str, relative: str) -> int:
    """Open a file under a folder without following any link on the way.

    Parameters
    ----------
    root : str
        The source's folder.
    relative : str
        Path of the file system (not the stored form), relative to the folder.

    Returns
    -------
    int
        File descriptor of a regular file; the caller closes it.

    Raises
    ------
    NotReadyError
        ``vanished`` or ``no_permission``.
    SnapshotError
        ``path_outside``, ``symlink`` or ``not_a_file``.
    """
    parts = relative.split("/")
    if not relative or any(part in {"", ".", ".."} or "\0" in part for part in parts):
        raise SnapshotError("path_outside", "expected a plain path below the source")
    try:
        file = _descend(root, parts)
    except OSError as err:
        raise _open_error(err) from err
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise SnapshotError("not_a_file", "expected a regular file")
    return file


def _descend(root: str, parts: list[str]) -> int:
    """Open part after part, each relative to the folder that was opened before."""
    folder = os.open(root, _FOLDER)
    try:
        for part in parts[:-1]:
            deeper = os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = deeper
        return os.open(parts[-1], _FILE, dir_fd=folder)
    finally:
        os.close(folder)


def _open_error(err: OSError) -> OSError | SnapshotError:
    if err.errno == errno.ENOENT:
        return NotReadyError("vanished", "the file is not there any more")
    if err.errno in {errno.EACCES, errno.EPERM}:
        return NotReadyError("no_permission", "the file may not be read; check its mode and owner")
    if err.errno in {errno.ELOOP, errno.ENOTDIR}:
        return SnapshotError("symlink", "the path leads over a link or through a file")
    if err.errno == errno.ENXIO:
        return SnapshotError("not_a_file", "expected a regular file")
    return err


def seen_of(path: str, status: os.stat_result) -> Seen:
    """Make the record of a local file.

    Parameters
    ----------
    path : str
        Its stored path.
    status : os.stat_result
        Its status.
    """
    return Seen(path, status.st_size, stamp_of(status), status.st_mtime)
