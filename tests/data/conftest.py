"""Files of bytes, read as the run would read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pytest

from calmops_flows.data.table import read_table

if TYPE_CHECKING:
    from pathlib import Path

    from calmops_flows.data.batch import Batch


class Read(Protocol):
    def __call__(self, content: bytes, name: str = ..., **how: Any) -> Batch: ...


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Write bytes to a file and read it under the given name."""

    def write_and_read(content: bytes, name: str = "x.csv", **how: Any) -> Batch:
        path = tmp_path / "file"
        path.write_bytes(content)
        return read_table(path, name=name, **how)

    return write_and_read
