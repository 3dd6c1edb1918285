"""Discovery at a source, and safe copies of what is found there."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from calmops_flows.data import local, remote
from calmops_flows.data.arrivals import Scan, Seen, Taken, decode_path, matcher
from calmops_flows.data.batch import Limits
from calmops_flows.data.stream import CHANGED, Writable, check_size, digest_of
from calmops_flows.errors import NotReadyError, SnapshotError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

    from calmops_flows.spec import SourceSpec

_NUMBER = re.compile(r"([0-9]+)")


def scan(
    source: SourceSpec,
    known: Mapping[str, int],
    *,
    now: float,
    limits: Limits | None = None,
) -> Scan:
    """Look at a source once.

    Hidden files and files with temporary names (``.part``, ``.tmp``, ``~`` …) are not
    there for anybody. A pattern's ``*`` also matches ``/``.

    Parameters
    ----------
    source : SourceSpec
        Where to look.
    known : mapping of str to int
        `stamp_key` of the stamp by stored path, for every file that the ledger knows.
    now : float
        Seconds since the epoch.
    limits : Limits, optional
        Larger files are skipped, with the reason.

    Returns
    -------
    Scan
        New or changed files that are settled (in processing order), those that are
        not, and what was skipped.

    Raises
    ------
    SpecError
        If a local source does not exist, or a URL is of no known kind.
    MissingExtraError
        If the package for a kind of URL is not installed.
    RemoteError
        If a remote source cannot be listed now.
    """
    limits = limits or Limits()
    new: list[Seen] = []
    waiting: list[Seen] = []
    skipped: list[tuple[str, str]] = []
    for seen, is_settled in _arrivals(source, known, skipped, now, limits):
        (new if is_settled else waiting).append(seen)
    new.sort(key=lambda seen: order_key(source, seen))
    waiting.sort(key=lambda seen: order_key(source, seen))
    return Scan(tuple(new), tuple(waiting), tuple(sorted(skipped)))


def take(
    source: SourceSpec, seen_path: str, folder: Path, *, limits: Limits | None = None
) -> Taken:
    """Copy a file to a private folder while hashing it.

    Parameters
    ----------
    source : SourceSpec
        Where the file lies.
    seen_path : str
        Its stored path.
    folder : Path
        Where the copy goes; it gets a name of its own there.
    limits : Limits, optional
        A larger file is refused unread.

    Returns
    -------
    Taken
        Digest, size and stamp of exactly the bytes that were copied, and the copy.

    Raises
    ------
    NotReadyError
        ``changed_while_read``, ``vanished`` or ``no_permission``: try again later.
    SnapshotError
        ``too_large``, ``symlink``, ``not_a_file`` or ``path_outside``.
    RemoteError
        If a remote source cannot be reached, or refuses; nothing is wrong with the file.
    """
    number, name = tempfile.mkstemp(prefix="taken-", dir=folder)
    copy = Path(name)
    try:
        with os.fdopen(number, "wb") as out:
            taken = _read(source, seen_path, out, limits or Limits())
    except BaseException:
        copy.unlink(missing_ok=True)
        raise
    return Taken(taken.digest, taken.size_bytes, taken.stamp, copy)


def fingerprint(source: SourceSpec, seen_path: str, *, limits: Limits | None = None) -> Taken:
    """Hash a file without keeping a copy.

    Parameters
    ----------
    source : SourceSpec
        Where the file lies.
    seen_path : str
        Its stored path.
    limits : Limits, optional
        A larger file is refused unread.

    Returns
    -------
    Taken
        Digest, size and stamp; no path.

    Raises
    ------
    NotReadyError, SnapshotError, RemoteError
        As for `take`.
    """
    return _read(source, seen_path, None, limits or Limits())


def order_key(source: SourceSpec, seen: Seen) -> tuple[Any, ...]:
    """Return what files of a source are sorted by.

    Parameters
    ----------
    source : SourceSpec
        ``order`` says whether the name or the time counts; with ``column:NAME`` this is
        the name, until `smallest_value` of the column is known.
    seen : Seen
        The file.

    Returns
    -------
    tuple
        Comparable with that of every other file of the source; ``part2`` comes before
        ``part10``.
    """
    natural = natural_key(seen.path)
    return (seen.modified, *natural) if source.order == "modified" else natural


def natural_key(path: str) -> tuple[Any, ...]:
    """Return what sorts names as people do.

    Parameters
    ----------
    path : str
        A stored path.

    Returns
    -------
    tuple
        Comparable with that of every other path.

    Examples
    --------
    >>> sorted(["part10", "part2"], key=natural_key)
    ['part2', 'part10']
    """
    pieces: list[Any] = _NUMBER.split(path)
    pieces[1::2] = [int(piece) for piece in pieces[1::2]]
    return (tuple(pieces), path)


def smallest_value(table: pa.Table, column: str) -> float | str | None:
    """Return the smallest value of a column, for ``order: column:NAME``.

    Parameters
    ----------
    table : pyarrow.Table
        A file's rows.
    column : str
        Name of the column.

    Returns
    -------
    int, float, str or None
        Dates and times as microseconds since the epoch; None when all is null.

    Raises
    ------
    SnapshotError
        ``missing_column``.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if column not in table.column_names:
        raise SnapshotError("missing_column", f"source.order needs column {column!r}")
    values = table.column(column)
    if pa.types.is_temporal(values.type):
        values = pc.cast(pc.cast(values, pa.timestamp("us")), pa.int64())
    if pa.types.is_dictionary(values.type):
        values = pc.cast(values, values.type.value_type)
    smallest = pc.min(values).as_py()
    return float(smallest) if isinstance(smallest, bool) else smallest


def local_folder(source: SourceSpec) -> str | None:
    """Return the folder of a local source, or None for a remote one.

    Parameters
    ----------
    source : SourceSpec
        A plain path or a ``file://`` URL is local.
    """
    if source.path.startswith("file://"):
        return unquote(urlsplit(source.path).path)
    if "://" in source.path or "::" in source.path:
        return None
    return str(Path(source.path).expanduser())


def _arrivals(
    source: SourceSpec,
    known: Mapping[str, int],
    skipped: list[tuple[str, str]],
    now: float,
    limits: Limits,
) -> Iterator[tuple[Seen, bool]]:
    """Give each unknown or changed file, and whether it is settled."""
    matches = matcher(source.pattern)
    root = local_folder(source)
    if root is None:
        yield from remote.arrivals(source, known, skipped, now, limits)
        return
    for path, found in local.walk(root, matches, limits, known):
        if isinstance(found, str):
            skipped.append((path, found))
        else:
            is_settled = local.is_settled(found, source.settle_seconds, now)
            yield local.seen_of(path, found), is_settled


def _read(source: SourceSpec, seen_path: str, out: Writable | None, limits: Limits) -> Taken:
    root = local_folder(source)
    if root is None:
        return remote.read(source, seen_path, out, limits)
    return _read_local(root, seen_path, out, limits)


def _read_local(root: str, seen_path: str, out: Writable | None, limits: Limits) -> Taken:
    relative = decode_path(seen_path)
    number = local.open_inside(root, relative)
    with os.fdopen(number, "rb", buffering=0) as file:
        before = os.fstat(number)
        check_size(before.st_size, limits)
        digest, size = digest_of(file.read, out, before.st_size)
        after = os.fstat(number)
    try:
        there = os.stat(os.path.join(root, relative), follow_symlinks=False)  # noqa: PTH116, PTH118
    except OSError as err:
        raise NotReadyError("changed_while_read", CHANGED) from err
    stamp = local.stamp_of(before)
    if size != before.st_size or {local.stamp_of(after), local.stamp_of(there)} != {stamp}:
        raise NotReadyError("changed_while_read", CHANGED)
    return Taken(digest, size, stamp)
