"""Text files as UTF-8: byte order marks, encodings, NUL bytes, cut characters."""

from __future__ import annotations

import codecs
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from calmops_flows.data.batch import MEBIBYTE, Request
from calmops_flows.errors import SnapshotError, SpecError

if TYPE_CHECKING:
    from collections.abc import Iterator

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE_BYTES = 64 * 1024
_CUT = {"arff": "arff_cut", "json": "json_cut", "jsonl": "json_cut"}


@dataclass(frozen=True, slots=True)
class Text:
    """A text file in UTF-8 (with or without a mark) that holds no NUL.

    ``ends_whole`` says whether the last byte ends a line.
    """

    path: Path
    ends_whole: bool
    warnings: tuple[str, ...] = ()


@contextmanager
def utf8_text(request: Request) -> Iterator[Text]:
    """Give a text file in UTF-8, recoded into a temporary file when it must be.

    Parameters
    ----------
    request : Request
        The file; ``options["encoding"]`` overrides what is detected.

    Yields
    ------
    Text
        The file to parse.

    Raises
    ------
    SnapshotError
        ``nul_bytes``, ``encoding`` (with the byte), or ``csv_cut`` (``json_cut``,
        ``arff_cut``) when the file ends inside a character.
    SpecError
        If the encoding of the options is unknown.
    """
    encoding, warnings = _encoding(request)
    if encoding in {"utf-8", "utf-8-sig"}:
        yield Text(request.path, _ends_whole(request.path), warnings)
        return
    with tempfile.TemporaryDirectory(prefix="calmops-") as folder:
        target = Path(folder) / "utf8"
        with target.open("w", encoding="utf-8", newline="") as out:
            for piece in _decoded(request, encoding):
                out.write(piece)
        yield Text(target, _ends_whole(target), warnings)


def cut_reason(request: Request) -> str:
    """Return the code that says: this text file ends too early."""
    return _CUT.get(request.format, "csv_cut")


def _encoding(request: Request) -> tuple[str, tuple[str, ...]]:
    """Choose the encoding: option, mark, UTF-8 if valid, else a guess."""
    wanted = request.options.get("encoding")
    if wanted is not None:
        return _known(wanted, request), ()
    with request.path.open("rb") as file:
        start = file.read(4)
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            return encoding, ()
    try:
        for _ in _decoded(request, "utf-8"):
            pass
    except _NotThisEncodingError as err:
        guess = _guess(request.path, err.offset)
        said = f"not UTF-8 (first other byte at {err.offset}): read as {guess}"
        return guess, (f"{said}; set read_options encoding if that is wrong",)
    return "utf-8", ()


def _known(wanted: str, request: Request) -> str:
    try:
        encoding = codecs.lookup(wanted).name
    except LookupError as err:
        raise SpecError(f"read_options.encoding is unknown: {wanted!r}") from err
    if encoding in {"utf-8", "utf-8-sig"}:
        for _ in _decoded(request, encoding):
            pass
    return encoding


class _NotThisEncodingError(SnapshotError):
    """A byte in the middle of the file is impossible in the tried encoding."""

    offset = 0

    @classmethod
    def at(cls, offset: int, encoding: str) -> _NotThisEncodingError:
        """Make the error for the byte at ``offset``."""
        err = cls("encoding", f"byte {offset} is not valid {encoding}")
        err.offset = offset
        return err


def _decoded(request: Request, encoding: str) -> Iterator[str]:
    """Decode piece by piece; a NUL or an impossible byte is an error with its place."""
    decoder = codecs.getincrementaldecoder(encoding)()
    wide = encoding.startswith(("utf-16", "utf-32"))
    position = 0
    with request.path.open("rb") as file:
        while True:
            chunk = file.read(MEBIBYTE)
            pending = len(decoder.getstate()[0])
            if not wide and (nul := chunk.find(b"\0")) >= 0:
                raise _nul(position + nul)
            try:
                piece = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as err:
                offset = position - pending + err.start
                if not chunk:
                    raise SnapshotError(
                        cut_reason(request), f"the file ends inside a character at byte {offset}"
                    ) from err
                raise _NotThisEncodingError.at(offset, encoding) from err
            if wide and "\0" in piece:
                raise _nul(position)
            yield piece
            if not chunk:
                return
            position += len(chunk)


def _nul(offset: int) -> SnapshotError:
    return SnapshotError(
        "nul_bytes",
        f"NUL at or after byte {offset}: not a text file, or UTF-16 without a byte order mark "
        "(then set read_options encoding)",
    )


def _guess(path: Path, offset: int) -> str:
    """Guess the encoding from the bytes around the first one that is not UTF-8."""
    from charset_normalizer import from_bytes

    with path.open("rb") as file:
        file.seek(max(0, offset - _SAMPLE_BYTES // 8))
        sample = file.read(_SAMPLE_BYTES)
    matches = from_bytes(sample)
    best = matches.best()
    if best is None:
        raise SnapshotError(
            "encoding",
            f"byte {offset} is not UTF-8 and no other encoding fits; set read_options encoding",
        )
    # Short western texts fit a dozen code pages equally well: the same choice each time,
    # or the categories of two files would differ.
    for match in matches:
        as_good = match.chaos <= best.chaos and match.coherence >= best.coherence
        if as_good and {"cp1252", "latin_1"} & set(match.could_be_from_charset):
            return "cp1252"
    return best.encoding


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(_SAMPLE_BYTES)
        file.seek(max(0, path.stat().st_size - 1))
        last = file.read(1)
    return last == b"\n" or (last == b"\r" and b"\n" not in head)
