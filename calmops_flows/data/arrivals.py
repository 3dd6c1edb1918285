"""Files as they are seen at a source: names that can be stored, and stamps."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LABELS = "labels:"  # begins the ledger's path of a label file
CATCH_UP = "catch-up:"  # begins that of a retraining that was put off
_TO_ESCAPE = re.compile(f"[%\udc80-\udcff]|(?<=^{LABELS[:-1]}):|(?<=^{CATCH_UP[:-1]}):")
_ESCAPED = re.compile("%([0-9A-F]{2})")
_TEMPORARY_ENDS = (".tmp", ".temp", ".part", ".partial", ".crdownload", ".swp", "~")
_TEMPORARY_STARTS = (".", "~$")


@dataclass(frozen=True, slots=True)
class Seen:
    """A file at the source.

    Attributes
    ----------
    path : str
        Relative to the source, parts separated by ``/``, in its stored form (see
        `encode_path`).
    size_bytes : int
        Size when it was seen.
    stamp : str
        Changes whenever the content may have changed.
    modified : float
        Time of the last change, in seconds since the epoch; 0 when unknown.
    """

    path: str
    size_bytes: int
    stamp: str
    modified: float


@dataclass(frozen=True, slots=True)
class Scan:
    """What a look at the source found; known files with their old stamp are left out.

    ``new`` holds settled files, in processing order; ``waiting`` those that may still
    be written to; ``skipped`` pairs of path and reason.
    """

    new: tuple[Seen, ...] = ()
    waiting: tuple[Seen, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Taken:
    """The content of a file: sha256 of its bytes, and a private copy if one was asked."""

    digest: str
    size_bytes: int
    stamp: str
    path: Path | None = None


def stamp_key(stamp: str) -> int:
    """Hash a stamp to 64 bits, so that many known files cost little memory.

    Parameters
    ----------
    stamp : str
        Stamp of a file.

    Returns
    -------
    int
        A signed 64-bit number, the same in every process.

    Examples
    --------
    >>> stamp_key("12-1-1-7")
    6692350953847079731
    """
    return int.from_bytes(blake2b(stamp.encode(), digest_size=8).digest(), "big", signed=True)


def encode_path(path: str) -> str:
    r"""Turn a path of the file system into text that every store can hold.

    Bytes that are not UTF-8 (Python holds them as lone surrogates), the percent sign,
    and the colon of a name that would look like a label file's become ``%XX``.

    Parameters
    ----------
    path : str
        As ``os.scandir`` gives it.

    Returns
    -------
    str
        Valid Unicode; `decode_path` gives the path back.

    Examples
    --------
    >>> encode_path(b"caf\xe9 100%.csv".decode("utf-8", "surrogateescape"))
    'caf%E9 100%25.csv'
    >>> encode_path("labels:x.csv")
    'labels%3Ax.csv'
    """
    if "%" not in path and path.isascii() and not path.startswith((LABELS, CATCH_UP)):
        return path
    return _TO_ESCAPE.sub(lambda found: f"%{ord(found[0]) & 0xFF:02X}", path)


def decode_path(text: str) -> str:
    """Give back the path that `encode_path` was given.

    Parameters
    ----------
    text : str
        A stored path.

    Returns
    -------
    str
        The path of the file system, with undecodable bytes as surrogates.

    Examples
    --------
    >>> decode_path("100%25.csv")
    '100%.csv'
    """
    return _ESCAPED.sub(lambda found: _byte(int(found[1], 16)), text)


def _byte(value: int) -> str:
    return chr(value) if value < 0x80 else chr(0xDC00 + value)


def is_temporary(name: str) -> bool:
    """Say whether a file name is hidden, or of a file that is still being written.

    Parameters
    ----------
    name : str
        Last part of a path.
    """
    return name.startswith(_TEMPORARY_STARTS) or name.lower().endswith(_TEMPORARY_ENDS)


def matcher(pattern: str) -> Callable[[str], bool]:
    """Return what says whether a path matches a glob.

    Parameters
    ----------
    pattern : str
        ``*`` also matches ``/``; ``**/`` matches no folder, too.

    Examples
    --------
    >>> matches = matcher("**/*.csv")
    >>> matches("a.csv"), matches("2024/a.csv"), matches("a.txt")
    (True, True, False)
    """
    if pattern in {"*", "**", "**/*"}:
        return lambda _: True
    patterns = sorted({pattern, pattern.replace("**/", "")})
    either = re.compile("|".join(fnmatch.translate(one) for one in patterns))
    return lambda path: either.match(path) is not None
