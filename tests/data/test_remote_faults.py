"""A source in an object store that is away for a while: no file is judged by it."""

from __future__ import annotations

import time
from pathlib import Path

import fsspec
import pytest

from calmops_flows.data.batch import Limits
from calmops_flows.data.source import fingerprint, scan, take
from calmops_flows.data.transport import Patience
from calmops_flows.errors import NotReadyError, RemoteError, SnapshotError
from calmops_flows.spec import SourceSpec
from tests.servers.broken import BreakableProxy, How

LIMITS = Limits(patience=Patience(timeout_seconds=0.2, attempts=1))
CONTENT = b"a,b\n1,2\n" * 10_000
FAULTS: list[How] = ["403", "500", "hang"]


@pytest.fixture
def source(bucket: str) -> SourceSpec:
    system = fsspec.filesystem("s3")
    system.pipe_file(f"{bucket}/in/2024/a.csv", CONTENT)
    system.pipe_file(f"{bucket}/in/b 100%.csv", CONTENT)
    return SourceSpec(path=f"{bucket}/in", settle_seconds=0)


def test_files_are_found_and_taken(source: SourceSpec, tmp_path: Path) -> None:
    found = scan(source, {}, now=time.time())
    taken = take(source, found.new[1].path, tmp_path)

    assert [seen.path for seen in found.new] == ["2024/a.csv", "b 100%25.csv"]
    assert taken.path is not None
    assert taken.path.read_bytes() == CONTENT
    assert taken.stamp == found.new[1].stamp


@pytest.mark.parametrize("how", FAULTS)
def test_source_that_refuses_is_no_empty_source(
    source: SourceSpec, s3_proxy: BreakableProxy, how: How
) -> None:
    with s3_proxy.breaking(how), pytest.raises(RemoteError, match="cannot list s3://test-"):
        scan(source, {}, now=time.time(), limits=LIMITS)


def test_bucket_that_is_gone_is_no_empty_source(bucket: str) -> None:
    source = SourceSpec(path=f"{bucket}gone/in")

    with pytest.raises(RemoteError, match="bucket does not exist"):
        scan(source, {}, now=time.time(), limits=LIMITS)


@pytest.mark.parametrize("how", [*FAULTS, "cut"])
def test_file_that_cannot_be_read_now_is_not_judged(
    source: SourceSpec, s3_proxy: BreakableProxy, tmp_path: Path, how: How
) -> None:
    with (
        s3_proxy.breaking(how, lambda method, _path: method == "GET"),
        pytest.raises(RemoteError, match=r"cannot read '2024/a\.csv' of s3://test-") as raised,
    ):
        take(source, "2024/a.csv", tmp_path, limits=LIMITS)

    assert not isinstance(raised.value, SnapshotError)
    assert list(tmp_path.iterdir()) == []


def test_answer_that_is_too_short_is_no_snapshot(
    source: SourceSpec, s3_proxy: BreakableProxy
) -> None:
    with (
        s3_proxy.breaking("short", lambda method, _path: method == "GET"),
        pytest.raises((NotReadyError, RemoteError)),
    ):
        fingerprint(source, "2024/a.csv", limits=LIMITS)
