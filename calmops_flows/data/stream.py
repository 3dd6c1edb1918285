"""The bytes of a file on their way into a private copy: hashed, and never more than expected."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Protocol

from calmops_flows.data.batch import MEBIBYTE, Limits
from calmops_flows.errors import SnapshotError

if TYPE_CHECKING:
    from collections.abc import Callable

CHANGED = "the file changed while it was read; it is read again when it has settled"


class Writable(Protocol):
    """What takes a copy."""

    def write(self, chunk: bytes, /) -> Any:
        """Take some bytes."""
        ...


def check_size(size: int, limits: Limits) -> None:
    """Refuse a file that is over the limit, with SnapshotError ``too_large``."""
    if size > limits.max_file_bytes:
        raise SnapshotError(
            "too_large", f"{size} bytes are over the limit of {limits.max_file_bytes}"
        )


def digest_of(
    read: Callable[[int], bytes], out: Writable | None, expected_bytes: int
) -> tuple[str, int]:
    """Hash (and copy) at most one byte more than expected: a growing file ends too."""
    hashed = hashlib.sha256()
    size = 0
    while size <= expected_bytes:
        chunk = read(min(MEBIBYTE, expected_bytes + 1 - size))
        if not chunk:
            break
        hashed.update(chunk)
        size += len(chunk)
        if out is not None:
            out.write(chunk)
    return hashed.hexdigest(), size
