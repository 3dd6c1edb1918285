"""An object store that breaks under a run: the next run leaves the store of an undisturbed one."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import fsspec
import pytest
from sqlalchemy import select

from calmops_flows import api
from calmops_flows.cli.main import main
from calmops_flows.errors import RemoteError
from calmops_flows.settings import load_settings
from calmops_flows.spec import PipelineSpec, parse_spec
from calmops_flows.store import Store, open_store
from calmops_flows.store.history import history
from calmops_flows.store.tables import leases, snapshots
from tests.faults import workload
from tests.servers.broken import BreakableProxy, How
from tests.servers.s3 import KEY, SECRET, environment, make_bucket
from tests.store_dump import dump

pytestmark = pytest.mark.faults
Contents = dict[str, list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def undisturbed(s3_endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Contents]:
    """Put the three snapshots into a bucket; give it, and what a whole run makes of them."""
    folder = tmp_path_factory.mktemp("undisturbed")
    bucket = make_bucket(s3_endpoint)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(s3_endpoint).items():
            patch.setenv(name, value)
        patch.setenv("CALMOPS_ARTIFACTS_URL", f"{bucket}/artifacts/shared")
        workload.make_source(folder / "source")
        fsspec.filesystem("s3").put(f"{folder}/source/", f"{bucket}/in", recursive=True)
        run(folder / "home", make_spec(bucket))
        with store_at(folder / "home") as store:
            contents = dump(store.database)
        fsspec.get_filesystem_class("s3").clear_instance_cache()
    return bucket, contents


@pytest.fixture
def spec(
    undisturbed: tuple[str, Contents], s3_proxy: BreakableProxy, monkeypatch: pytest.MonkeyPatch
) -> PipelineSpec:
    """Give the pipeline over the bucket, behind the proxy; no request is repeated."""
    bucket, _ = undisturbed
    monkeypatch.setenv("CALMOPS_ARTIFACTS_URL", f"{bucket}/artifacts/shared")
    monkeypatch.setenv("CALMOPS_REMOTE_ATTEMPTS", "1")
    return make_spec(bucket)


def make_spec(bucket: str) -> PipelineSpec:
    return parse_spec(
        {
            "name": "three",
            "target": "y",
            "source": {"path": f"{bucket}/in", "settle_seconds": 0},
            "model": {"class": "sklearn.linear_model.LogisticRegression"},
        }
    )


def run(home: Path, spec: PipelineSpec) -> None:
    with store_at(home) as store:
        api.run(spec, store=store, wait=False, prefect=False)


def store_at(home: Path) -> Store:
    """Open the store of a home, with artifacts of its own in the same bucket."""
    settings = load_settings()
    name = home.parent / "artifacts-name"  # folders of tests are called alike when one has passed
    if not name.exists():
        name.write_text(uuid4().hex)
    own = settings.artifacts_url.replace("/shared", f"/{name.read_text()}")
    return open_store(settings.model_copy(update={"home": home, "artifacts_url": own}))


# Which request breaks: the n-th that writes or reads one of our artifacts, or reads a file.
@pytest.mark.parametrize(
    "fault",
    [
        ("403", "PUT", "/artifacts/", 0),
        pytest.param(("500", "PUT", "/artifacts/", 7), marks=pytest.mark.slow),
        ("hang", "PUT", "/artifacts/", 15),
        pytest.param(("403", "HEAD", "/artifacts/", 4), marks=pytest.mark.slow),
        ("cut", "GET", "/artifacts/", 0),
        ("500", "GET", "/artifacts/", 3),
        ("cut", "GET", "/in/", 4),
        pytest.param(("403", "GET", "/in/", 1), marks=pytest.mark.slow),
    ],
    ids=lambda fault: "-".join(map(str, fault)).replace("/", ""),
)
def test_broken_object_store_ends_the_run_and_costs_nothing(
    spec: PipelineSpec,
    undisturbed: tuple[str, Contents],
    s3_proxy: BreakableProxy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: tuple[How, str, str, int],
) -> None:
    how, method, place, after = fault
    seen = 0

    def is_hit(verb: str, path: str) -> bool:
        nonlocal seen
        seen += verb == method and place in path
        return verb == method and place in path and seen > after

    if how == "hang":
        monkeypatch.setenv("CALMOPS_REMOTE_TIMEOUT_SECONDS", "3")
    with s3_proxy.breaking(how, is_hit), pytest.raises(RemoteError, match="s3://test-"):
        run(tmp_path / "disturbed", spec)

    assert s3_proxy.broken
    monkeypatch.delenv("CALMOPS_REMOTE_TIMEOUT_SECONDS", raising=False)
    with store_at(tmp_path / "disturbed") as store, store.database.read() as connection:
        rows = connection.execute(select(snapshots.c.state, snapshots.c.attempts)).all()
        assert {row.state for row in rows} <= {"processed", "pending"}
        assert all(row.attempts == 0 for row in rows if row.state == "pending")
        assert connection.execute(select(leases.c.token)).scalar() is None
    run(tmp_path / "disturbed", spec)
    with store_at(tmp_path / "disturbed") as store:
        assert dump(store.database) == undisturbed[1]
        assert [one.state for one in history(store.database, "three")] == ["processed"] * 3


def test_command_says_what_failed_in_one_line_and_no_secret_is_anywhere(
    spec: PipelineSpec,
    s3_proxy: BreakableProxy,
    calmops_home: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CALMOPS_PREFECT", "off")
    with open_store() as store:
        api.apply(spec, store)

    with s3_proxy.breaking("403", lambda method, _path: method == "PUT"):
        assert main(["run", "three"]) == 1
    failed = capfd.readouterr()
    assert main(["run", "three"]) == 0
    for command in (["show", "three"], ["status", "three"], ["fsck"], ["history", "three"]):
        assert main(command) == 0
    said = capfd.readouterr()

    assert "cannot write s3://test-" in failed.err
    assert "Access Denied" in failed.err
    kept = [file.read_bytes() for file in calmops_home.rglob("*") if file.is_file()]
    assert len(kept) > 1
    everything = b"".join(kept) + (failed.out + failed.err + said.out + said.err).encode()
    assert SECRET.encode() not in everything
    assert KEY.encode() not in everything
