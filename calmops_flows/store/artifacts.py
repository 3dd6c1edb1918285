"""Artifacts by digest: written once, read only when the bytes hash right."""

from __future__ import annotations

import hashlib
import io
import os
import re
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from calmops_flows.data.transport import Patience, open_system, reaching, without_secrets
from calmops_flows.errors import ArtifactError, DigestMismatchError, UnreachableArtifactsError
from calmops_flows.faults import durable
from calmops_flows.store.files import is_unfinished, write_durably

_DIGEST = re.compile(r"^[0-9a-f]{64}$")
_RENEW_SECONDS = 6 * 3600.0  # a put of what an object store has already is repeated this rarely


class ArtifactStore:
    """Bytes under their sha256, in a folder or an object store.

    Parameters
    ----------
    url : str
        Local folder or fsspec URL such as ``s3://bucket/calmops``.
    patience : Patience, optional
        How long an object store may be silent.
    """

    def __init__(self, url: str, patience: Patience | None = None) -> None:
        self.url = url
        self.shown = without_secrets(url)
        self._patience = patience or Patience()
        self._local = Path(url.removeprefix("file://")) if _is_local(url) else None
        self._remote: tuple[Any, str] | None = None

    @staticmethod
    def digest_of(content: bytes | Path) -> str:
        """Return the sha256 of bytes or of a file, in hex."""
        if isinstance(content, bytes):
            return hashlib.sha256(content).hexdigest()
        with content.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    def put(self, content: bytes) -> str:
        """Write bytes unless they are there, and return their digest.

        Raises
        ------
        ArtifactError
            If the store cannot be written; nothing half-written is visible then.
        """
        return self.put_stream(io.BytesIO(content))

    def put_file(self, file: Path) -> str:
        """Write the content of a local file and return its digest."""
        try:
            with file.open("rb") as stream:
                return self.put_stream(stream)
        except ArtifactError:
            raise
        except OSError as err:
            raise ArtifactError(f"cannot store {file.name!r}: {err}") from err

    def put_stream(self, stream: io.BufferedIOBase) -> str:
        """Write a seekable stream from its start and return its digest."""
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        stream.seek(0)
        try:
            with durable("artifact.put"), self._reaching("write"):
                if self.exists(digest):
                    self._renew(digest, stream)
                else:
                    self._write(digest, stream)
        except ArtifactError:
            raise
        except OSError as err:
            raise ArtifactError(
                f"cannot write artifact {digest[:12]} to {self.shown}: {err}"
            ) from err
        return digest

    def get(self, digest: str) -> bytes:
        """Read the bytes of a digest, verified before anyone sees them.

        Raises
        ------
        ArtifactError
            If there is no such artifact or it cannot be read.
        UnreachableArtifactsError
            If an object store cannot be reached, refuses, or its answer is cut.
        DigestMismatchError
            If the bytes were changed.
        """
        content = self._read(digest)
        found = hashlib.sha256(content).hexdigest()
        if found != digest:
            self._refuse_cut(digest, len(content))
            raise DigestMismatchError(
                f"artifact {digest[:12]} in {self.shown} was changed: its bytes hash to "
                f"{found[:12]}; it is not loaded; restore it from a backup, or roll back to "
                "another version"
            )
        return content

    def _read(self, digest: str) -> bytes:
        key = self._key(digest)
        try:
            if self._local is not None:
                return (self._local / key).read_bytes()
            fs, root = self._open_remote()
            with self._reaching("read"):
                return bytes(fs.cat_file(f"{root}/{key}"))
        except ArtifactError:
            raise
        except OSError as err:
            raise ArtifactError(
                f"cannot read artifact {digest[:12]} from {self.shown}: {err}"
            ) from err

    def _refuse_cut(self, digest: str, n_bytes: int) -> None:
        """Tell an answer that was cut on its way from an artifact that was changed."""
        whole = None if self._local is not None else self.size(digest)
        if whole is not None and n_bytes < whole:
            raise UnreachableArtifactsError(
                f"artifact {digest[:12]} from {self.shown} was cut: {n_bytes} of {whole} bytes "
                "came; the next run reads it again"
            )

    def exists(self, digest: str) -> bool:
        """Tell whether an artifact of this digest lies in the store.

        Raises
        ------
        UnreachableArtifactsError
            If an object store does not say.
        """
        key = self._key(digest)
        if self._local is not None:
            return (self._local / key).is_file()
        return self._about(digest) is not None

    def size(self, digest: str) -> int | None:
        """Return the bytes of an artifact, None if it is not there."""
        found = self._about(digest)
        return None if found is None else found[1]

    def written_at(self, digest: str) -> float | None:
        """Return when an artifact was put last, in seconds since 1970; None if it is not there."""
        found = self._about(digest)
        return None if found is None else found[0]

    def _about(self, digest: str) -> tuple[float, int] | None:
        """Return time of writing and size."""
        key = self._key(digest)
        if self._local is not None:
            try:
                stat = (self._local / key).stat()
            except FileNotFoundError:
                return None
            return stat.st_mtime, stat.st_size
        fs, root = self._open_remote()
        try:
            with self._reaching("look into"):
                return _time_and_size(fs.info(f"{root}/{key}"))
        except FileNotFoundError:
            return None

    def listing(self) -> Iterator[tuple[str, float, int]]:
        """Yield digest, time of writing (seconds since 1970) and bytes of each artifact."""
        for path, modified, size in self._files():
            name = path.rpartition("/")[2]
            if _DIGEST.match(name):
                yield name, modified, size

    def unfinished(self) -> Iterator[tuple[str, float]]:
        """Yield path and time of each file that a killed write left behind."""
        for path, modified, _ in self._files():
            if is_unfinished(path.rpartition("/")[2]):
                yield path, modified

    def remove(self, digest: str) -> None:
        """Remove an artifact; one that is gone already is no error.

        Raises
        ------
        ArtifactError
            If the store refuses.
        """
        self._remove(self._key(digest))

    def remove_unfinished(self, path: str) -> None:
        """Remove a file that `unfinished` named."""
        self._remove(path)

    def _remove(self, key: str) -> None:
        try:
            with durable("artifact.remove"), self._reaching("remove from"):
                if self._local is not None:
                    (self._local / key).unlink(missing_ok=True)
                    return
                fs, root = self._open_remote()
                with suppress(FileNotFoundError):
                    fs.rm_file(f"{root}/{key}")
        except ArtifactError:
            raise
        except OSError as err:
            raise ArtifactError(f"cannot remove {key} from {self.shown}: {err}") from err

    def _files(self) -> Iterator[tuple[str, float, int]]:
        """Yield key, time of writing and size of every file."""
        if self._local is not None:
            for path in sorted((self._local / "sha256").glob("*/*")):
                stat = path.stat()
                yield path.relative_to(self._local).as_posix(), stat.st_mtime, stat.st_size
            return
        fs, root = self._open_remote()
        try:
            with self._reaching("list"):
                found = fs.find(f"{root}/sha256", detail=True)
        except FileNotFoundError as err:
            raise ArtifactError(f"cannot list {self.shown}: {err}") from err
        for path, about in sorted(found.items()):
            yield path[len(root) + 1 :], *_time_and_size(about)

    def _write(self, digest: str, stream: io.BufferedIOBase) -> None:
        key = self._key(digest)
        if self._local is None:
            fs, root = self._open_remote()
            fs.pipe_file(f"{root}/{key}", stream.read())
            return
        target = self._local / key
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_durably(target, stream)

    def _renew(self, digest: str, stream: io.BufferedIOBase) -> None:
        """Make an artifact young again: nothing old is removed that is about to be named."""
        key = self._key(digest)
        if self._local is not None:
            os.utime(self._local / key)
        elif (self.written_at(digest) or 0.0) < time.time() - _RENEW_SECONDS:
            self._write(digest, stream)

    def _key(self, digest: str) -> str:
        if not _DIGEST.match(digest):
            raise ArtifactError(f"expected a sha256 of 64 hex digits, got {digest!r}")
        return f"sha256/{digest[:2]}/{digest}"

    def _open_remote(self) -> tuple[Any, str]:
        if self._remote is None:
            self._remote = open_system(self.url, self._patience, named="CALMOPS_ARTIFACTS_URL")
        return self._remote

    def _reaching(self, doing: str) -> AbstractContextManager[None]:
        """Tell trouble with an object store from what its artifacts say; a folder has none."""
        if self._local is not None:
            return nullcontext()
        return reaching(self.url, doing, error=UnreachableArtifactsError)


def _time_and_size(about: dict[str, Any]) -> tuple[float, int]:
    """Read what an object store says about a file; each names the time in its own way."""
    written = about.get("LastModified") or about.get("created") or about.get("mtime")
    seconds = written.timestamp() if isinstance(written, datetime) else float(written or 0)
    return seconds, int(about.get("size") or 0)


def _is_local(url: str) -> bool:
    return "://" not in url or url.startswith("file://")
