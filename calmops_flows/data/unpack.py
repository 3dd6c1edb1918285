"""Unpack ``.gz`` and ``.zip`` text files, within limits that stop bombs."""

from __future__ import annotations

import gzip
import tempfile
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from calmops_flows.data.batch import MEBIBYTE, Limits
from calmops_flows.errors import SnapshotError

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKED_SUFFIXES = (".gz", ".zip")
_ENCRYPTED = 0x1


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


@contextmanager
def unpacked(path: Path, name: str, limits: Limits) -> Iterator[tuple[Path, str]]:
    """Give the content of a packed file as a temporary file.

    Parameters
    ----------
    path : Path
        Local file.
    name : str
        Its original name; a name that does not end in ``.gz`` or ``.zip`` gives the
        file itself.
    limits : Limits
        How large the content may be.

    Yields
    ------
    tuple of Path and str
        The unpacked file, and its name without the suffix (for a zip called
        ``x.zip``: the name of its only member).

    Raises
    ------
    SnapshotError
        ``unpack_ratio``, ``too_large``, ``gzip_cut``, ``gzip_data``, ``zip_data``,
        ``zip_members``, ``zip_path``, ``zip_encrypted``.
    """
    suffix = Path(name).suffix.lower()
    if suffix not in PACKED_SUFFIXES:
        yield path, name
        return
    with tempfile.TemporaryDirectory(prefix="calmops-") as folder:
        target = Path(folder) / "unpacked"
        inner = name[: -len(suffix)]
        if suffix == ".gz":
            _gunzip(path, target, limits)
        else:
            member = _unzip(path, target, limits)
            inner = inner if Path(inner).suffix else member
        yield target, inner


def check_unpacked(size_bytes: int, packed_bytes: int, limits: Limits) -> None:
    """Refuse content that is larger than the limits allow.

    Raises
    ------
    SnapshotError
        ``too_large`` or ``unpack_ratio``.
    """
    if size_bytes > limits.max_file_bytes:
        raise SnapshotError(
            "too_large", f"unpacks to more than the limit of {limits.max_file_bytes} bytes"
        )
    if size_bytes > limits.unpacked_bytes(packed_bytes):
        raise SnapshotError(
            "unpack_ratio",
            f"{packed_bytes} bytes unpack to {size_bytes} or more, over the limit of "
            f"{limits.max_unpacked_ratio:g} times; see CALMOPS_MAX_UNPACKED_RATIO",
        )


def _gunzip(path: Path, target: Path, limits: Limits) -> None:
    try:
        with gzip.open(path, "rb") as packed:
            _copy(packed, target, path.stat().st_size, limits)
    except EOFError as err:
        raise SnapshotError("gzip_cut", "the gzip stream ends before its end mark") from err
    except (gzip.BadGzipFile, zlib.error) as err:
        raise SnapshotError("gzip_data", f"not a valid gzip stream: {err}") from err


def _unzip(path: Path, target: Path, limits: Limits) -> str:
    packed_bytes = path.stat().st_size
    try:
        with zipfile.ZipFile(path) as archive:
            member = _only_member(archive)
            check_unpacked(member.file_size, packed_bytes, limits)
            with archive.open(member) as packed:
                _copy(packed, target, packed_bytes, limits)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as err:
        raise SnapshotError("zip_data", f"not a valid zip file: {err}") from err
    return member.filename


def _only_member(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = archive.infolist()
    if len(members) != 1:
        raise SnapshotError("zip_members", f"expected one file in the zip, found {len(members)}")
    member = members[0]
    if member.is_dir() or "/" in member.filename or "\\" in member.filename:
        raise SnapshotError("zip_path", "expected a plain file in the zip, found a folder or path")
    if member.flag_bits & _ENCRYPTED:
        raise SnapshotError("zip_encrypted", "the zip needs a password")
    return member


def _copy(packed: _Readable, target: Path, packed_bytes: int, limits: Limits) -> None:
    bound = limits.unpacked_bytes(packed_bytes)
    written = 0
    with target.open("wb") as out:
        while chunk := packed.read(MEBIBYTE):
            written += len(chunk)
            if written > bound:
                check_unpacked(written, packed_bytes, limits)
            out.write(chunk)
