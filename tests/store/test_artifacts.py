from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calmops_flows.errors import ArtifactError, DigestMismatchError
from calmops_flows.store import ArtifactStore


@pytest.fixture(params=["folder", "memory", "s3"])
def artifacts(request: pytest.FixtureRequest, tmp_path: Path) -> ArtifactStore:
    if request.param == "folder":
        return ArtifactStore(str(tmp_path / "artifacts"))
    if request.param == "s3":
        return ArtifactStore(request.getfixturevalue("bucket"))
    return ArtifactStore(f"memory://artifacts-{tmp_path.name}")


def test_bytes_come_back_under_their_digest(artifacts: ArtifactStore) -> None:
    digest = artifacts.put(b"model")

    assert digest == hashlib.sha256(b"model").hexdigest()
    assert artifacts.get(digest) == b"model"


def test_same_bytes_are_written_once(tmp_path: Path) -> None:
    artifacts = ArtifactStore(str(tmp_path))

    assert artifacts.put(b"x") == artifacts.put(b"x")
    assert len([p for p in tmp_path.rglob("*") if p.is_file()]) == 1


def test_missing_artifact_is_named(artifacts: ArtifactStore) -> None:
    with pytest.raises(ArtifactError, match="000000000000"):
        artifacts.get("0" * 64)


@pytest.mark.parametrize("digest", ["../../etc/passwd", "", "A" * 64, "0" * 63])
def test_only_digests_reach_the_file_system(artifacts: ArtifactStore, digest: str) -> None:
    with pytest.raises(ArtifactError, match="sha256"):
        artifacts.get(digest)


@given(position=st.integers(0, 799), bit=st.integers(0, 7))
def test_one_flipped_bit_is_found(
    tmp_path_factory: pytest.TempPathFactory, position: int, bit: int
) -> None:
    folder = tmp_path_factory.mktemp("artifacts")
    artifacts = ArtifactStore(str(folder))
    digest = artifacts.put(bytes(range(200)) * 4)
    file = folder / "sha256" / digest[:2] / digest
    content = bytearray(file.read_bytes())
    content[position] ^= 1 << bit
    file.write_bytes(content)

    with pytest.raises(DigestMismatchError, match=digest[:12]):
        artifacts.get(digest)


def test_failed_write_leaves_no_artifact_and_no_temporary_file(tmp_path: Path) -> None:
    class Broken(io.BytesIO):
        def __init__(self) -> None:
            super().__init__(b"content")
            self.passes = 0

        def seek(self, position: int, whence: int = 0) -> int:
            self.passes += 1
            return super().seek(position, whence)

        def read(self, size: int | None = -1) -> bytes:
            if self.passes:
                raise OSError(5, "Input/output error")
            return super().read(size)

    with pytest.raises(ArtifactError, match="Input/output error"):
        ArtifactStore(str(tmp_path)).put_stream(Broken())

    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []
