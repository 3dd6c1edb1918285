"""A backup is a store of its own that says the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from calmops_flows.errors import DigestMismatchError, SpecError, StoreError
from calmops_flows.settings import Settings
from calmops_flows.steps.drain import utc_now
from calmops_flows.store import Store, open_store
from calmops_flows.store.backup import back_up
from calmops_flows.store.fsck import fsck
from calmops_flows.store.references import referenced
from tests.store.conftest import FailAt
from tests.store.filled import fill
from tests.store_dump import dump


def test_backup_opens_and_says_the_same(store: Store, tmp_path: Path) -> None:
    fill(store, tmp_path / "source")

    done = back_up(store, tmp_path / "copy")

    with open_store(Settings(home=tmp_path / "copy")) as copy:
        assert dump(copy.database) == dump(store.database)
        assert fsck(copy, now=utc_now()) == ()
    assert done.artifacts > 10
    assert done.rows > 10


def test_folder_with_something_in_it_is_refused(filled: Store, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "mine.txt").write_text("mine")

    with pytest.raises(SpecError, match="new or empty folder"):
        back_up(filled, tmp_path / "copy")


def test_changed_artifact_is_not_backed_up_silently(filled: Store, tmp_path: Path) -> None:
    with filled.database.read() as connection:
        digest, _ = next(referenced(connection))
    file = Path(filled.artifacts.url) / "sha256" / digest[:2] / digest
    file.write_bytes(file.read_bytes() + b"!")

    with pytest.raises(DigestMismatchError):
        back_up(filled, tmp_path / "copy")

    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("write", ["backup.rows", "backup.rename"])
@pytest.mark.parametrize("side", ["before", "after"])
def test_failure_leaves_no_half_backup_under_the_name(
    filled: Store, tmp_path: Path, write: str, side: str, fail_at: FailAt
) -> None:
    fail_at(f"{write}.{side}")

    with pytest.raises((OSError, StoreError)):
        back_up(filled, tmp_path / "copy")

    assert (tmp_path / "copy").exists() == (f"{write}.{side}" == "backup.rename.after")
    assert not (tmp_path / "copy.partial").exists()
