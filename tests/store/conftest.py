"""The same store tests on SQLite and on PostgreSQL."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from calmops_flows.settings import Settings
from calmops_flows.spec import PipelineSpec, parse_spec
from calmops_flows.store import Store, open_store
from calmops_flows.store.lease import Lease, acquire
from calmops_flows.store.pipelines import apply_spec
from tests.store.filled import fill

FailAt = Callable[..., None]
NOW = datetime(2013, 1, 31, 12, tzinfo=UTC)


@pytest.fixture(
    params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)],
)
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    if request.param == "sqlite":
        return Settings(home=tmp_path / "home")
    url = request.getfixturevalue("postgres_database")
    return Settings(home=tmp_path / "home", database_url=url)


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    with open_store(settings) as opened:
        yield opened


@pytest.fixture
def spec(tmp_path: Path) -> PipelineSpec:
    return make_spec("flights", tmp_path)


@pytest.fixture
def lease(store: Store, spec: PipelineSpec) -> Lease:
    apply_spec(store.database, spec, now=NOW)
    taken = acquire(store.database, spec.name, seconds=30)
    assert taken is not None
    return taken


def make_spec(name: str, folder: Path, **more: object) -> PipelineSpec:
    values = {
        "name": name,
        "target": "late",
        "source": {"path": str(folder)},
        "model": {"class": "sklearn.linear_model.LogisticRegression"},
        **more,
    }
    return parse_spec(values)


@pytest.fixture(scope="session")
def filled_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished home of `filled.fill`, to be copied."""
    home = tmp_path_factory.mktemp("filled") / "home"
    with open_store(Settings(home=home)) as opened:
        fill(opened, home.parent / "source")
    return home


@pytest.fixture
def filled(filled_home: Path, tmp_path: Path) -> Iterator[Store]:
    """A store of its own with a history in it (SQLite)."""
    shutil.copytree(filled_home, tmp_path / "filled")
    with open_store(Settings(home=tmp_path / "filled")) as opened:
        yield opened


@pytest.fixture
def fail_at(monkeypatch: pytest.MonkeyPatch) -> FailAt:
    """Make the next passage of a fault point fail, in this process."""

    def arm(point: str, kind: str = "eio") -> None:
        monkeypatch.setattr("calmops_flows.faults._passages", Counter())
        monkeypatch.setenv("CALMOPS_FAULT", f"{point}:1:{kind}")

    return arm
