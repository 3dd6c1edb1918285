"""One Prefect server for this folder, and a small stream to run on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import State
from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker
from prefect.settings import PREFECT_API_URL, temporary_settings

from calmops_flows.flows import stream
from calmops_flows.settings import Settings
from calmops_flows.spec import PipelineSpec, parse_spec
from calmops_flows.store.store import Store, open_store
from tests.prefect.server import on_postgres, running, running_server
from tests.servers.postgres import fresh_database


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory, postgres_url: str) -> Iterator[str]:
    """Run a server on PostgreSQL, as a team would: on SQLite requests wait a minute for a lock."""
    with (
        fresh_database(postgres_url) as database,
        running_server(tmp_path_factory.mktemp("prefect"), variables=on_postgres(database)) as url,
    ):
        yield url
        # What is still under way would wait for a server that has gone.
        APILogWorker.drain_all(timeout=20)
        EventsWorker.drain_all(timeout=20)


@pytest.fixture(scope="session")
def worker_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the ``CALMOPS_HOME`` of the session's worker."""
    return tmp_path_factory.mktemp("worker")


@pytest.fixture(scope="session")
def worker(prefect_server: str, worker_home: Path) -> Iterator[None]:
    """Run one process worker on the pool that deployments use."""
    command = ("worker", "start", "--pool", "calmops", "--type", "process", "--name", "tests")
    variables = {
        "PREFECT_API_URL": prefect_server,
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "CALMOPS_HOME": str(worker_home),
    }
    with running(worker_home / "worker.log", *command, **variables):
        yield


@pytest.fixture
def api(prefect_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Configure the session's server for this process and its children."""
    EventsWorker.drain_all(timeout=20)  # what another test has left to a server that has gone
    monkeypatch.setenv("PREFECT_API_URL", prefect_server)
    with temporary_settings({PREFECT_API_URL: prefect_server}):
        yield prefect_server


@pytest.fixture
def client(api: str) -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as opened:
        yield opened


@pytest.fixture
def store(calmops_home: Path) -> Iterator[Store]:
    """The store that the environment names."""
    with open_store(Settings(home=calmops_home)) as opened:
        yield opened


def ended(pipeline: PipelineSpec | str) -> tuple[State[list[dict[str, Any]]], UUID]:
    """Call the flow; return its last state and the id of its run."""
    state: Any = stream(pipeline, return_state=True)
    return state, state.state_details.flow_run_id


@dataclass(frozen=True, slots=True)
class Source:
    """A folder in which settled files arrive."""

    folder: Path

    def spec(self, name: str, **more: Any) -> PipelineSpec:
        """Declare a small classification over the folder."""
        return parse_spec(
            {
                "name": name,
                "target": "y",
                "source": {"path": str(self.folder), "settle_seconds": 0},
                "model": {"class": "sklearn.linear_model.LogisticRegression"},
                "retrain": {"mode": "full"},
                **more,
            }
        )

    def drop(self, name: str, seed: int, *, shift: float = 0.0, sign: int = 1) -> None:
        """Write two informative features; ``sign`` turns the concept over."""
        rng = np.random.default_rng(seed)
        X = rng.normal(shift, 1.0, (300, 2))
        y = (sign * (X.sum(axis=1) - 2 * shift) + rng.normal(0, 0.5, 300) > 0).astype(int)
        file = self.folder / name
        pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "y": y}).to_csv(file, index=False)
        os.utime(file, (1_600_000_000, 1_600_000_000))


@pytest.fixture
def source(tmp_path: Path) -> Source:
    folder = tmp_path / "arrivals"
    folder.mkdir()
    return Source(folder)
