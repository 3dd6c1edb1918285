"""Sources in object stores and other file systems, through fsspec."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from calmops_flows.data.arrivals import (
    Seen,
    Taken,
    decode_path,
    encode_path,
    is_temporary,
    matcher,
    stamp_key,
)
from calmops_flows.data.stream import CHANGED, Writable, check_size, digest_of
from calmops_flows.data.transport import open_system, reaching, without_secrets
from calmops_flows.errors import NotReadyError, RemoteError, SnapshotError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from calmops_flows.data.batch import Limits
    from calmops_flows.spec import SourceSpec

_TAGS = ("ETag", "etag", "md5Hash", "content_md5", "checksum")
_TIMES = ("mtime", "LastModified", "last_modified", "updated", "modified", "created")


def arrivals(
    source: SourceSpec,
    known: Mapping[str, int],
    skipped: list[tuple[str, str]],
    now: float,
    limits: Limits,
) -> Iterator[tuple[Seen, bool]]:
    """Give each unknown or changed file, and whether it is settled.

    Raises
    ------
    RemoteError
        If the source cannot be listed now.
    """
    matches = matcher(source.pattern)
    for seen in _remote_files(source.path, limits):
        if not matches(decode_path(seen.path)):
            continue
        if seen.size_bytes > limits.max_file_bytes:
            reason = f"{seen.size_bytes} bytes are over the limit of {limits.max_file_bytes}"
            skipped.append((seen.path, reason))
        elif known.get(seen.path) != stamp_key(seen.stamp):
            yield seen, abs(now - seen.modified) >= source.settle_seconds


def read(source: SourceSpec, seen_path: str, out: Writable | None, limits: Limits) -> Taken:
    """Hash a file, and copy it to ``out`` if that is given.

    Raises
    ------
    NotReadyError, SnapshotError
        As for `source.take`.
    RemoteError
        If the source cannot be reached, or refuses; nothing is wrong with the file.
    """
    relative = decode_path(seen_path)
    if any(part in {"", ".", ".."} for part in relative.split("/")):
        raise SnapshotError("path_outside", "expected a plain path below the source")
    system, root = open_system(source.path, limits.patience, named="source.path")
    full = f"{root}/{relative}"
    try:
        with reaching(source.path, f"read {seen_path!r} of"):
            before = seen_of(relative, system.info(full))
            check_size(before.size_bytes, limits)
            with system.open(full, "rb") as file:
                digest, size = digest_of(file.read, out, before.size_bytes)
            system.invalidate_cache()
            after = seen_of(relative, system.info(full))
    except FileNotFoundError as err:
        raise NotReadyError("vanished", "the file is not there any more") from err
    if size != before.size_bytes or after.stamp != before.stamp:
        raise NotReadyError("changed_while_read", CHANGED)
    return Taken(digest, size, before.stamp)


def list_files(system: Any, root: str) -> Iterator[Seen]:
    """List all files under a root that are not temporary.

    Parameters
    ----------
    system : fsspec.AbstractFileSystem
        The file system.
    root : str
        Path of the source in it.

    Yields
    ------
    Seen
        One per file.
    """
    found = system.find(root, detail=True)
    for full, info in found.items():
        relative = str(full)[len(root) :].lstrip("/")
        parts = relative.split("/")
        if info.get("type") == "file" and not any(is_temporary(part) for part in parts):
            yield seen_of(relative, info)


def seen_of(relative: str, info: Mapping[str, Any]) -> Seen:
    """Make the record of a remote file.

    Parameters
    ----------
    relative : str
        Path below the source, not encoded.
    info : mapping
        What fsspec says about the file.
    """
    size = int(info.get("size") or 0)
    modified = _modified(info)
    tag = next((str(info[key]) for key in _TAGS if info.get(key)), None)
    stamp = f"{size}-{tag}" if tag else f"{size}-{modified!r}"
    return Seen(encode_path(relative), size, stamp, modified)


def _modified(info: Mapping[str, Any]) -> float:
    value = next((info[key] for key in _TIMES if info.get(key)), None)
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return aware.timestamp()
    return float(value or 0.0)


def _remote_files(url: str, limits: Limits) -> list[Seen]:
    system, root = open_system(url, limits.patience, named="source.path")
    try:
        with reaching(url, "list"):
            return list(list_files(system, root))
    except FileNotFoundError as err:
        raise RemoteError(f"cannot list {without_secrets(url)}: {err}") from err
