"""A pipeline travels as one file, whole and checked, or not at all."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from calmops_flows import api
from calmops_flows.errors import NameConflictError, NotFoundError, SpecError, StoreError
from calmops_flows.records import VersionStatus
from calmops_flows.settings import Settings
from calmops_flows.steps.drain import utc_now
from calmops_flows.store import Store, open_store
from calmops_flows.store.archive import ROWS, export, inspect_archive, take_in
from calmops_flows.store.fsck import fsck
from calmops_flows.store.tables import model_versions
from tests.store.conftest import NOW, FailAt
from tests.store.filled import NAME, fill
from tests.store_dump import dump


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Store]:
    with open_store(Settings(home=tmp_path / "other")) as opened:
        yield opened


@pytest.fixture
def archive(filled: Store, tmp_path: Path) -> Path:
    export(filled, NAME, tmp_path / "filled.zip")
    return tmp_path / "filled.zip"


def rewrite(archive: Path, change: Callable[[str, bytes], tuple[str, bytes] | None]) -> Path:
    """Write the archive anew with some members changed, or left out."""
    changed = archive.with_name("changed.zip")
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(changed, "w") as new:
        for info in old.infolist():
            member = change(info.filename, old.read(info))
            if member is not None:
                new.writestr(*member)
    return changed


def without_audit(contents: dict[str, list[tuple[object, ...]]]) -> object:
    return {name: rows for name, rows in contents.items() if name != "audit"}


def test_imported_pipeline_says_the_same_and_goes_on(
    store: Store, other: Store, tmp_path: Path
) -> None:
    fill(store, tmp_path / "source")
    export(store, NAME, tmp_path / "one.zip")

    view = take_in(other, tmp_path / "one.zip", now=NOW)

    assert view.snapshots == 4
    assert without_audit(dump(other.database)) == without_audit(dump(store.database))
    assert fsck(other, now=utc_now()) == ()
    late = (tmp_path / "source" / "part1.csv").read_text() + "0.5,0.5,1\n"
    (tmp_path / "source" / "part3.csv").write_text(late)
    assert len(api.run(NAME, store=other, prefect=False).outcomes) == 1


def test_removed_candidate_travels_without_its_model(
    filled: Store, other: Store, tmp_path: Path
) -> None:
    with filled.database.write("fsck.champion") as connection:
        removed = connection.execute(
            update(model_versions)
            .where(model_versions.c.version == 1)
            .values(status=VersionStatus.REMOVED)
            .returning(model_versions.c.artifact)
        ).scalar_one()
    filled.artifacts.remove(removed)

    export(filled, NAME, tmp_path / "one.zip")
    take_in(other, tmp_path / "one.zip", now=NOW)

    assert not other.artifacts.exists(removed)
    assert fsck(other, now=utc_now()) == ()


def test_name_that_is_known_is_refused(filled: Store, archive: Path) -> None:
    with pytest.raises(NameConflictError, match="knows a pipeline 'filled' already"):
        take_in(filled, archive, now=NOW)


def test_unknown_pipeline_is_not_exported(filled: Store, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        export(filled, "nobody", tmp_path / "x.zip")

    assert not any("x.zip" in path.name for path in tmp_path.iterdir())


def _change_an_artifact(name: str, content: bytes) -> tuple[str, bytes]:
    return name, content + b"!" if name.startswith("artifacts/") else content


def _climb(name: str, content: bytes) -> tuple[str, bytes]:
    return (f"../{name}" if name.startswith("artifacts/") else name), content


def _edit_the_audit_log(name: str, content: bytes) -> tuple[str, bytes]:
    if name != ROWS:
        return name, content
    values = json.loads(content)
    values["rows"]["audit"][0]["payload"] = "{}"
    return name, json.dumps(values).encode()


def _other_schema(name: str, content: bytes) -> tuple[str, bytes]:
    return name, content.replace(b'"schema":"0', b'"schema":"9') if name == ROWS else content


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_change_an_artifact, "hash to another digest"),
        (_climb, "it holds"),
        (_edit_the_audit_log, "audit chain is broken at entry 1"),
        (_other_schema, "with schema"),
        (lambda name, content: None if name == ROWS else (name, content), "no archive"),
    ],
)
def test_damaged_archive_imports_nothing(
    other: Store,
    archive: Path,
    change: Callable[[str, bytes], tuple[str, bytes] | None],
    message: str,
) -> None:
    before = dump(other.database)

    with pytest.raises(SpecError, match=message):
        take_in(other, rewrite(archive, change), now=NOW)

    assert dump(other.database) == before


def test_file_that_is_no_zip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_text("no zip")

    with pytest.raises(SpecError, match="no archive of a pipeline"):
        inspect_archive(tmp_path / "x.zip")


@pytest.mark.parametrize("side", ["before", "after"])
def test_failure_while_importing_leaves_all_or_nothing(
    other: Store, archive: Path, side: str, fail_at: FailAt
) -> None:
    fail_at(f"archive.import.{side}")

    with pytest.raises(StoreError):
        take_in(other, archive, now=NOW)

    assert bool(dump(other.database)["pipelines"]) == (side == "after")


def test_failed_export_leaves_no_archive(filled: Store, tmp_path: Path, fail_at: FailAt) -> None:
    fail_at("archive.rename.before", "enospc")

    with pytest.raises(OSError, match="fault point"):
        export(filled, NAME, tmp_path / "x.zip")

    assert not (tmp_path / "x.zip").exists()
