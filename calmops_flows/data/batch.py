"""What the readers are asked for and what they give back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from calmops_flows.data.transport import Patience

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pyarrow as pa

    from calmops_flows.settings import Settings

_TEXT = frozenset({"string", "category", "key"})
MEBIBYTE = 2**20
SUFFIXES = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".txt": "txt",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".feather": "feather",
    ".arrow": "feather",
    ".arff": "arff",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".xls": "xls",
    ".xlsx": "xlsx",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds the reading of a file: it is refused before it fills memory or disk.

    Attributes
    ----------
    max_file_bytes : int
        Largest file, and largest unpacked content, in bytes.
    max_unpacked_ratio : float
        A file that grows by more than this factor when unpacked is refused ...
    free_bytes : int
        ... unless the unpacked content stays below so many bytes.
    patience : Patience
        How long a remote source may be silent.
    """

    max_file_bytes: int = 64 * 2**30
    max_unpacked_ratio: float = 200.0
    free_bytes: int = 64 * MEBIBYTE
    patience: Patience = field(default_factory=Patience)

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """Take the limits from the settings of the process."""
        return cls(
            settings.max_file_bytes, settings.max_unpacked_ratio, patience=Patience.of(settings)
        )

    def unpacked_bytes(self, packed_bytes: int) -> int:
        """Return how many bytes a file of ``packed_bytes`` may unpack to."""
        grown = int(packed_bytes * self.max_unpacked_ratio)
        return min(self.max_file_bytes, max(self.free_bytes, grown))


@dataclass(frozen=True, slots=True)
class Batch:
    """One file as an Arrow table, with what the user should know about it."""

    table: pa.Table
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """One file to read: where it lies, what it is, and how to read it.

    Attributes
    ----------
    path : Path
        Local file; already unpacked when the name ends in ``.gz`` or ``.zip``.
    name : str
        Original name of the file.
    format : str
        Name of the format, never ``auto``.
    options : mapping
        ``read_options`` of the source.
    types : mapping of str to str, or None
        Contract type by column, when there is a contract.
    limits : Limits
        Sizes above which the file is refused.
    """

    path: Path
    name: str
    format: str
    options: Mapping[str, Any] = field(default_factory=dict)
    types: Mapping[str, str] | None = None
    limits: Limits = field(default_factory=Limits)

    @property
    def text_columns(self) -> frozenset[str]:
        """Columns that the contract says are text (keys are), whatever they look like."""
        types = self.types or {}
        return frozenset(name for name, kind in types.items() if kind in _TEXT)
