"""fsck, retention, backup and archive over artifacts in an object store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import fsspec
import pytest

from calmops_flows import api
from calmops_flows.errors import DigestMismatchError, UnreachableArtifactsError
from calmops_flows.settings import Settings
from calmops_flows.spec import parse_spec
from calmops_flows.steps.drain import utc_now
from calmops_flows.steps.retain import retain
from calmops_flows.store import Store, open_store
from calmops_flows.store.archive import export, take_in
from calmops_flows.store.backup import back_up
from calmops_flows.store.fsck import fsck
from calmops_flows.store.pipelines import load_state
from calmops_flows.store.references import referenced
from tests.servers.broken import BreakableProxy
from tests.store.conftest import NOW
from tests.store.filled import NAME
from tests.store_dump import dump

LATER = timedelta(days=2)  # bytes younger than a day are never removed


@pytest.fixture
def on_s3(filled: Store, bucket: str, tmp_path: Path) -> Iterator[Store]:
    """The filled store, with its artifacts in a bucket."""
    url = f"{bucket}/calmops"
    fsspec.filesystem("s3").put(f"{filled.artifacts.url}/", url, recursive=True)
    settings = Settings(home=filled.settings.home, artifacts_url=url, remote_attempts=1)
    with open_store(settings) as store:
        yield store


def object_of(store: Store, digest: str) -> str:
    return f"{store.artifacts.url}/sha256/{digest[:2]}/{digest}"


def named(store: Store) -> list[str]:
    with store.database.read() as connection:
        return [digest for digest, _ in referenced(connection)]


def test_fsck_finds_what_was_lost_and_changed_and_removes_only_old_orphans(on_s3: Store) -> None:
    assert fsck(on_s3, now=utc_now()) == ()
    orphan = on_s3.artifacts.put(b"nothing names me")
    with on_s3.database.read() as connection:
        column = dict(referenced(connection))
    lost, changed = [d for d, where in column.items() if where == "predictions.artifact"][:2]
    on_s3.artifacts.remove(lost)
    fsspec.filesystem("s3").pipe_file(object_of(on_s3, changed), b"other bytes")

    young = Counter(found.check for found in fsck(on_s3, repair=True, now=utc_now()))
    old = Counter(found.check for found in fsck(on_s3, repair=True, now=utc_now() + LATER))

    assert young == {"artifact_missing": 1, "artifact_changed": 1}
    assert old == {"artifact_missing": 1, "artifact_changed": 1, "orphan": 1}
    assert not on_s3.artifacts.exists(orphan)
    assert sum(on_s3.artifacts.exists(digest) for digest in column) == len(column) - 1


def test_fsck_says_nothing_about_artifacts_that_it_cannot_reach(
    on_s3: Store, s3_proxy: BreakableProxy
) -> None:
    with s3_proxy.breaking("403"), pytest.raises(UnreachableArtifactsError, match="Forbidden"):
        fsck(on_s3, repair=True, now=utc_now() + LATER)

    assert fsck(on_s3, now=utc_now()) == ()


def test_retention_removes_what_is_over_the_limit(on_s3: Store) -> None:
    values = load_state(on_s3.database, NAME).spec.model_dump(mode="json", by_alias=True)
    values["retention"] = {"predictions": {"count": 1}}
    api.apply(parse_spec(values), on_s3)
    before = {digest for digest, _, _ in on_s3.artifacts.listing()}

    done = retain(on_s3, NAME, now=utc_now() + LATER)

    gone = before - {digest for digest, _, _ in on_s3.artifacts.listing()}
    assert {one.kind for one in done.forgotten} == {"predictions"}
    assert gone
    assert not gone & set(named(on_s3))
    assert fsck(on_s3, now=utc_now()) == ()


def test_backup_holds_every_byte_and_notices_a_changed_one(on_s3: Store, tmp_path: Path) -> None:
    back_up(on_s3, tmp_path / "copy")
    fsspec.filesystem("s3").pipe_file(object_of(on_s3, named(on_s3)[0]), b"other bytes")

    with open_store(Settings(home=tmp_path / "copy")) as copy:
        assert dump(copy.database) == dump(on_s3.database)
        assert fsck(copy, now=utc_now()) == ()
    with pytest.raises(DigestMismatchError):
        back_up(on_s3, tmp_path / "second")


def test_archive_travels_from_one_bucket_to_another(
    on_s3: Store, bucket: str, tmp_path: Path
) -> None:
    export(on_s3, NAME, tmp_path / "one.zip")

    with open_store(Settings(home=tmp_path / "there", artifacts_url=f"{bucket}/there")) as other:
        take_in(other, tmp_path / "one.zip", now=NOW)

        assert fsck(other, now=utc_now()) == ()
        assert set(named(other)) == set(named(on_s3))
