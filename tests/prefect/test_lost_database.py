"""Prefect's database is deleted: runs go on, a watcher goes on, and `calmops deploy` mends it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker
from prefect.settings import PREFECT_API_URL, temporary_settings

from calmops_flows import api as calmops
from calmops_flows.cli.main import main
from calmops_flows.flows.deploy import deploy, find_deployment
from calmops_flows.steps.apply import apply
from calmops_flows.store.history import history
from calmops_flows.store.outbox import undelivered
from calmops_flows.store.store import Store
from tests.prefect.conftest import Source
from tests.prefect.server import environment, running_server, wait_for
from tests.prefect.test_automations import KINDS, LOADED_SECONDS, automations
from tests.prefect.test_delivery import events
from tests.prefect.test_status import said
from tests.servers.ports import free_port

pytestmark = [
    pytest.mark.prefect,
    pytest.mark.faults,
    pytest.mark.slow,
    pytest.mark.timeout(600),
]
NAME = "lost"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where a server of its own has its SQLite database."""
    folder = tmp_path / "prefect"
    folder.mkdir()
    return folder


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Configure a server that comes and goes, always at the same port."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/api"
    monkeypatch.setenv("PREFECT_API_URL", url)
    with temporary_settings({PREFECT_API_URL: url}):
        yield port


@contextmanager
def serving(home: Path, port: int) -> Iterator[SyncPrefectClient]:
    with running_server(home, port=port), get_client(sync_client=True) as client:
        yield client
        # What is under way would be tried again and again, also at the end of this process.
        APILogWorker.drain_all(timeout=20)
        EventsWorker.drain_all(timeout=20)


@contextmanager
def watching(folder: Path, port: int, calmops_home: Path) -> Iterator[subprocess.Popen[bytes]]:
    variables = {
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "CALMOPS_HOME": str(calmops_home),
    }
    with (folder / "watch.log").open("wb") as out:
        watcher = subprocess.Popen(
            [sys.executable, "-m", "calmops_flows.cli.main", "watch", NAME],
            env=environment(folder, **variables),
            stdout=out,
            stderr=out,
        )
    try:
        yield watcher
    finally:
        watcher.terminate()
        watcher.wait(timeout=20)


def is_woken(client: SyncPrefectClient, deployment: UUID) -> bool:
    wanted = DeploymentFilter(id=DeploymentFilterId(any_=[deployment]))
    return any(not run.auto_scheduled for run in client.read_flow_runs(deployment_filter=wanted))


def test_lost_database_costs_deployments_until_they_are_made_again_and_nothing_else(
    home: Path,
    port: int,
    store: Store,
    source: Source,
    calmops_home: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    apply(source.spec(NAME), store)
    with serving(home, port):
        deploy(NAME, store)
    for file in home.glob("prefect.db*"):
        file.unlink()

    with watching(tmp_path, port, calmops_home) as watcher:
        source.drop("1.csv", 1)
        without = calmops.run(NAME, store=store).outcomes
        waiting = len(undelivered(store.database, NAME))
        source.drop("2.csv", 2)
        with serving(home, port) as client:
            lost = said(capsys, NAME)
            wait_for(lambda: events(client, f"calmops.snapshot.{NAME}"), 90, "the watcher tells")
            found = find_deployment(client, NAME)
            # Only this is done by hand.
            assert main(["deploy", NAME]) == 0
            capsys.readouterr()
            made = find_deployment(client, NAME)
            assert made is not None
            restored = said(capsys, NAME)
            kinds = set(automations(client, NAME))
            time.sleep(LOADED_SECONDS)
            source.drop("3.csv", 3)
            wait_for(lambda: is_woken(client, made.id), 90, "the automation starts a run")
            last = calmops.run(NAME, store=store).outcomes
            is_watching = watcher.poll() is None

    assert [(o.snapshot, o.run_id) for o in without] == [("1.csv", None)]
    assert waiting
    assert found is None
    assert "deployment none on this server; `calmops deploy` makes it" in lost
    assert f"deployment calmops-stream/{NAME}" in restored
    assert kinds == set(KINDS) - {"notify"}
    assert [o.snapshot for o in last] == ["2.csv", "3.csv"]
    assert all(o.run_id for o in last)
    assert undelivered(store.database, NAME) == []
    assert [o.snapshot for o in history(store.database, NAME)] == ["1.csv", "2.csv", "3.csv"]
    assert is_watching
