"""Files are written whole, and what killed writes left is swept up, but nothing else."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path

import pytest

from calmops_flows.store.files import LEFT_SECONDS, unfinished, write_durably


def left(folder: Path, name: str, age_seconds: float) -> Path:
    file = folder / name
    file.write_bytes(b"half")
    written = time.time() - age_seconds
    os.utime(file, (written, written))
    return file


def test_first_write_into_a_folder_removes_what_was_left_a_day_ago(tmp_path: Path) -> None:
    old = left(tmp_path, ".tmp-old", LEFT_SECONDS + 60)
    young = left(tmp_path, ".tmp-young", LEFT_SECONDS - 60)
    mine = left(tmp_path, "old.parquet", LEFT_SECONDS + 60)

    write_durably(tmp_path / "new", io.BytesIO(b"whole"))

    assert not old.exists()
    assert young.exists()
    assert mine.exists()
    assert (tmp_path / "new").read_bytes() == b"whole"


def test_what_cannot_be_removed_is_told_and_does_not_stop_the_write(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / ".tmp-folder").mkdir()
    os.utime(tmp_path / ".tmp-folder", (1, 1))

    write_durably(tmp_path / "new", io.BytesIO(b"whole"))

    assert (tmp_path / "new").read_bytes() == b"whole"
    assert "left-over temporary files" in caplog.text


def test_folder_that_is_not_there_holds_nothing_unfinished(tmp_path: Path) -> None:
    assert list(unfinished(tmp_path / "nowhere")) == []


def test_failed_write_leaves_nothing(tmp_path: Path) -> None:
    class Broken(io.BytesIO):
        def read(self, _size: int | None = -1) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output"):
        write_durably(tmp_path / "new", Broken())

    assert list(tmp_path.iterdir()) == []
