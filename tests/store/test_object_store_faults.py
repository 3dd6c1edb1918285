"""Trouble on the way to the object store is said as such; it is no verdict on an artifact."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import fsspec
import pytest

from calmops_flows.data.transport import Patience
from calmops_flows.errors import (
    ArtifactError,
    DigestMismatchError,
    RemoteError,
    SpecError,
    UnreachableArtifactsError,
)
from calmops_flows.settings import Settings
from calmops_flows.store import ArtifactStore, open_store
from calmops_flows.store.exports import write_export
from tests.servers.broken import BreakableProxy, How
from tests.servers.ports import free_port
from tests.servers.s3 import KEY, SECRET

ONCE = Patience(attempts=1)
HASTY = Patience(timeout_seconds=0.2, attempts=1)
CONTENT = bytes(range(256)) * 400
FAULTS: list[How] = ["403", "500", "hang"]
Use = Callable[[ArtifactStore, str], object]
USES: dict[str, Use] = {
    "get": lambda artifacts, digest: artifacts.get(digest),
    "put": lambda artifacts, _digest: artifacts.put(b"something new"),
    "exists": lambda artifacts, digest: artifacts.exists(digest),
    "size": lambda artifacts, digest: artifacts.size(digest),
    "listing": lambda artifacts, _digest: list(artifacts.listing()),
    "unfinished": lambda artifacts, _digest: list(artifacts.unfinished()),
    "remove": lambda artifacts, digest: artifacts.remove(digest),
}


@pytest.fixture
def artifacts(bucket: str) -> ArtifactStore:
    return ArtifactStore(f"{bucket}/calmops", ONCE)


@pytest.mark.parametrize("how", FAULTS)
@pytest.mark.parametrize("use", USES)
def test_refusal_of_the_store_is_neither_damage_nor_absence(
    artifacts: ArtifactStore, s3_proxy: BreakableProxy, use: str, how: How
) -> None:
    digest = artifacts.put(CONTENT)

    with (
        s3_proxy.breaking(how),
        pytest.raises(UnreachableArtifactsError, match=r"s3://test-\w+/calmops") as raised,
    ):
        USES[use](ArtifactStore(artifacts.url, HASTY), digest)

    assert SECRET not in str(raised.value)
    assert KEY not in str(raised.value)
    assert artifacts.get(digest) == CONTENT


@pytest.mark.parametrize("use", USES)
def test_closed_port_is_said(bucket: str, monkeypatch: pytest.MonkeyPatch, use: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    fsspec.filesystem("s3").clear_instance_cache()

    with pytest.raises(UnreachableArtifactsError, match="Could not connect"):
        USES[use](ArtifactStore(bucket, ONCE), "0" * 64)


@pytest.mark.parametrize("how", ["cut", "short"])
def test_answer_that_is_cut_is_not_called_changed(
    artifacts: ArtifactStore, s3_proxy: BreakableProxy, how: How
) -> None:
    digest = artifacts.put(CONTENT)

    with (
        s3_proxy.breaking(how, lambda method, _path: method == "GET"),
        pytest.raises(UnreachableArtifactsError),
    ):
        artifacts.get(digest)


def test_object_that_was_cut_in_the_store_is_called_changed(artifacts: ArtifactStore) -> None:
    digest = artifacts.put(CONTENT)
    file = f"{artifacts.url}/sha256/{digest[:2]}/{digest}"
    fsspec.filesystem("s3").pipe_file(file, CONTENT[:100])

    with pytest.raises(DigestMismatchError, match="was changed"):
        artifacts.get(digest)


def test_short_trouble_is_overcome(bucket: str, s3_proxy: BreakableProxy) -> None:
    artifacts = ArtifactStore(bucket, Patience(attempts=2))
    digest = artifacts.put(CONTENT)

    for how in ("500", "cut"):
        with s3_proxy.breaking(how, lambda method, _path: method == "GET", times=1):
            assert artifacts.get(digest) == CONTENT
            assert s3_proxy.broken == 1


def test_silence_is_waited_for_as_often_as_the_settings_say(
    bucket: str, s3_proxy: BreakableProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALMOPS_REMOTE_TIMEOUT_SECONDS", "0.1")
    monkeypatch.setenv("CALMOPS_REMOTE_ATTEMPTS", "2")
    settings = Settings(home=tmp_path, artifacts_url=bucket)

    with (
        open_store(settings) as store,
        s3_proxy.breaking("hang"),
        pytest.raises(UnreachableArtifactsError, match="timeout"),
    ):
        store.artifacts.get("0" * 64)

    assert 2 <= s3_proxy.broken <= 4


def test_bucket_that_is_gone_is_said(bucket: str) -> None:
    artifacts = ArtifactStore(f"{bucket}gone", ONCE)

    with pytest.raises(ArtifactError, match="bucket does not exist"):
        artifacts.put(b"x")
    with pytest.raises(ArtifactError, match="bucket does not exist"):
        list(artifacts.listing())


def test_address_of_no_known_kind_is_wrong_use() -> None:
    with pytest.raises(SpecError, match="CALMOPS_ARTIFACTS_URL has an unknown kind of URL, 'odd'"):
        ArtifactStore("odd://bucket").put(b"x")


def test_password_in_an_address_is_in_no_message() -> None:
    artifacts = ArtifactStore(f"ftp://ann:sesame@127.0.0.1:{free_port()}/calmops", ONCE)

    with pytest.raises(UnreachableArtifactsError, match=r"ann:\*\*\*@127") as raised:
        artifacts.put_stream(io.BytesIO(b"x"))

    assert "sesame" not in str(raised.value)


@pytest.mark.parametrize("how", FAULTS)
def test_export_of_predictions_to_a_store_that_refuses_can_be_repeated(
    bucket: str, s3_proxy: BreakableProxy, how: How
) -> None:
    with s3_proxy.breaking(how), pytest.raises(RemoteError, match=r"cannot write june\.parquet"):
        write_export(f"{bucket}/out", "june.parquet", b"rows", patience=HASTY)

    write_export(f"{bucket}/out", "june.parquet", b"rows")
    assert fsspec.filesystem("s3").cat_file(f"{bucket}/out/june.parquet") == b"rows"
