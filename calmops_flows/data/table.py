"""Read one local file of any known format into an Arrow table."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from calmops_flows.data.batch import SUFFIXES, Batch, Limits, Request
from calmops_flows.data.unpack import PACKED_SUFFIXES, unpacked
from calmops_flows.errors import SnapshotError, SpecError

if TYPE_CHECKING:
    from collections.abc import Mapping

TEXT_FORMATS = frozenset({"csv", "tsv", "txt", "arff", "json", "jsonl"})
OPTIONS = frozenset({"delimiter", "encoding", "decimal", "sheet", "date_format"})


def read_table(
    path: Path,
    *,
    name: str,
    format: str = "auto",  # noqa: A002 - the spec's word for it
    options: Mapping[str, Any] | None = None,
    types: Mapping[str, str] | None = None,
    limits: Limits | None = None,
) -> Batch:
    """Read a local file that nobody writes to any more.

    A text file that ends without a newline but with a whole record is accepted with
    a warning: it cannot be told from one whose last cell was cut.

    Parameters
    ----------
    path : Path
        The file, or a private copy of it.
    name : str
        Its original name; the suffix decides the format when that is ``auto``, and
        ``.gz`` or ``.zip`` says that a text file is packed.
    format : str, default "auto"
        Name of the format, see ``READERS``.
    options : mapping, optional
        ``delimiter``, ``encoding``, ``decimal``, ``sheet``, ``date_format``.
    types : mapping of str to str, optional
        Contract type by column; text columns are then read as text, whatever they
        look like.
    limits : Limits, optional
        Sizes above which the file is refused.

    Returns
    -------
    Batch
        The table and the warnings.

    Raises
    ------
    SnapshotError
        If the file is not whole or cannot be read; it names the reason and place.
    SpecError
        If an option or the format is unknown.
    """
    from calmops_flows.data.readers import READERS

    options = dict(options or {})
    check_options(options)
    limits = limits or Limits()
    size = path.stat().st_size
    if size == 0:
        raise SnapshotError("empty_file", "expected data, found 0 bytes")
    if size > limits.max_file_bytes:
        raise SnapshotError(
            "too_large", f"{size} bytes are over the limit of {limits.max_file_bytes}"
        )
    plain = PurePosixPath(name).name
    packed = PurePosixPath(plain).suffix.lower() in PACKED_SUFFIXES
    if packed and format not in TEXT_FORMATS | {"auto"}:
        raise SnapshotError("unknown_format", f"a packed {format} file is not read; unpack it")
    with unpacked(path, plain, limits) as (file, inner):
        chosen = _format_of(inner) if format == "auto" else format
        if packed and chosen not in TEXT_FORMATS:
            raise SnapshotError("unknown_format", f"a packed {chosen} file is not read; unpack it")
        if chosen not in READERS:
            raise SpecError(f"format must be one of {sorted(READERS)}, got {chosen!r}")
        if file.stat().st_size == 0:
            raise SnapshotError("empty_file", "expected data, found 0 bytes")
        return READERS[chosen](Request(file, inner, chosen, options, types, limits))


def _format_of(name: str) -> str:
    suffix = PurePosixPath(name).suffix.lower()
    if suffix not in SUFFIXES:
        raise SnapshotError(
            "unknown_format",
            f"expected one of the suffixes {', '.join(SUFFIXES)}, found {suffix!r}; "
            "set source.format or source.pattern",
        )
    return SUFFIXES[suffix]


def check_options(options: Mapping[str, Any]) -> None:
    """Raise SpecError for a read option that no reader knows, or of a wrong value."""
    unknown = sorted(set(options) - OPTIONS)
    if unknown:
        raise SpecError(f"read_options must be among {sorted(OPTIONS)}, got {unknown!r}")
    for key in sorted(set(options) - {"sheet"}):
        if not isinstance(options[key], str) or not options[key]:
            raise SpecError(f"read_options.{key} must be a text, got {options[key]!r}")
    if options.get("decimal", ".") not in {".", ","}:
        raise SpecError(f"read_options.decimal must be '.' or ',', got {options['decimal']!r}")
    if len(options.get("delimiter", ",")) != 1:
        raise SpecError(
            f"read_options.delimiter must be one character, got {options['delimiter']!r}"
        )
