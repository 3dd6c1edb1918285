"""Sources in object stores and other file systems, through fsspec."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from calmops_flows.data.arrivals import Seen, encode_path, is_temporary
from calmops_flows.errors import MissingExtraError, SpecError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TAGS = ("ETag", "etag", "md5Hash", "content_md5", "checksum")
_TIMES = ("mtime", "LastModified", "last_modified", "updated", "modified", "created")


def open_system(url: str) -> tuple[Any, str]:
    """Return the fsspec file system of a URL, and the root inside it.

    Parameters
    ----------
    url : str
        For example ``s3://bucket/folder``.

    Returns
    -------
    system : fsspec.AbstractFileSystem
        The file system; its cached listings are dropped.
    root : str
        Path of the source in it.

    Raises
    ------
    MissingExtraError
        If the package for this kind of URL is not installed.
    SpecError
        If no such kind of URL is known.
    """
    from fsspec.core import url_to_fs

    kind = url.split(":", 1)[0]
    try:
        system, root = url_to_fs(url)
    except ImportError as err:
        raise MissingExtraError(
            f"source.path {kind}://… needs another package ({err}): "
            f"pip install 'calmops-flows[{kind}]'"
        ) from err
    except ValueError as err:
        raise SpecError(f"source.path has an unknown kind of URL, {kind!r}") from err
    system.invalidate_cache()
    return system, root.rstrip("/")


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
