"""Deployments: by API and by the repository's prefect.yaml, woken by schedule and event."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import ObjectNotFound

from calmops_flows.flows.deploy import deploy, deployment_name, schedules, undeploy
from calmops_flows.flows.events import emit_arrival
from calmops_flows.flows.table import FLOWS
from calmops_flows.settings import Settings
from calmops_flows.steps.apply import apply
from calmops_flows.steps.kinds import KINDS
from calmops_flows.store.history import history
from calmops_flows.store.store import Store, open_store
from tests.prefect.conftest import Source
from tests.prefect.server import environment, wait_for

pytestmark = pytest.mark.prefect
ROOT = Path(__file__).parents[2]


def automations(client: SyncPrefectClient, name: str) -> list[Any]:
    return client.read_automations_by_name(name)


def test_deployment_holds_name_home_schedules_and_trigger_and_no_secret(
    client: SyncPrefectClient, source: Source, calmops_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = f"sqlite:///{calmops_home}/other.db?check_same_thread=hunter2"
    spec = source.spec(
        "held", triggers={"schedule": {"cron": "0 6 * * *", "timezone": "Europe/Madrid"}}
    )
    with open_store(Settings(home=calmops_home)) as store:
        apply(spec, store)
        monkeypatch.setenv("CALMOPS_DATABASE_URL", secret)
        deployed = deploy("held", store)

    found = client.read_deployment(deployed.id)
    assert found.parameters == {"pipeline": "held"}
    assert found.job_variables == {
        "env": {
            "CALMOPS_HOME": str(calmops_home),
            "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
        }
    }
    assert found.entrypoint == "calmops_flows.flows.stream_flow.stream"
    assert "hunter2" not in found.model_dump_json()
    assert sorted(str(s.slug) for s in found.schedules) == ["own", "safety-net"]
    (automation,) = automations(client, "calmops-arrival-held")
    assert automation.trigger.match.model_dump() == {"prefect.resource.id": "calmops.snapshot.held"}


def test_deployment_of_a_shared_store_leaves_the_home_to_each_machine(
    client: SyncPrefectClient, source: Source, tmp_path: Path
) -> None:
    elsewhere = f"sqlite:///{tmp_path}/shared.db"
    settings = Settings(
        home=tmp_path / "deployer",
        database_url=elsewhere,
        artifacts_url=str(tmp_path / "artifacts"),
    )
    with open_store(settings) as store:
        apply(source.spec("shared"), store)
        deployed = deploy("shared", store)

    found = client.read_deployment(deployed.id)
    undeploy("shared")
    assert found.job_variables == {"env": {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30"}}


def test_deploying_again_updates_and_leaves_no_duplicate(
    client: SyncPrefectClient, store: Store, source: Source
) -> None:
    daily = {"schedule": {"interval_seconds": 86400}}
    apply(source.spec("again", triggers=daily), store)
    first = deploy("again", store)
    apply(source.spec("again", triggers={"file_arrival": False}), store)

    second = deploy("again", store)

    found = client.read_deployment(second.id)
    assert second == first
    assert [s.slug for s in found.schedules] == ["safety-net"]
    assert automations(client, "calmops-arrival-again") == []


def test_undeploy_removes_deployment_and_automation(
    client: SyncPrefectClient, store: Store, source: Source
) -> None:
    apply(source.spec("gone"), store)
    deploy("gone", store)

    assert undeploy("gone")

    assert not undeploy("gone")
    assert automations(client, "calmops-arrival-gone") == []
    with pytest.raises(ObjectNotFound):
        client.read_deployment_by_name(deployment_name("gone"))


def test_every_kind_of_pipeline_has_its_flow() -> None:
    assert FLOWS.keys() == KINDS.keys()
    assert {kind: flow.name for kind, flow in FLOWS.items()} == {
        kind: f"calmops-{kind}" for kind in KINDS
    }


def test_rrule_keeps_its_time_zone(source: Source) -> None:
    rule = {"rrule": "FREQ=DAILY;BYHOUR=6", "timezone": "Europe/Madrid"}

    _, own = schedules(source.spec("p", triggers={"schedule": rule}))

    assert (own.rrule, own.timezone) == ("FREQ=DAILY;BYHOUR=6", "Europe/Madrid")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """What a user has after cloning, with one month of flights in the folder that is watched."""
    copy = tmp_path / "checkout"
    ignore = shutil.ignore_patterns("__pycache__")
    for folder in ("calmops_flows", "deployments"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=ignore)
    shutil.copy(ROOT / "prefect.yaml", copy)
    return copy


def drop_month(repository: Path) -> None:
    rng = np.random.default_rng(1)
    hour = rng.integers(5, 23, 2000)
    late = rng.random(2000) < hour / 30
    folder = repository / "calmops-demo" / "arrivals"
    folder.mkdir(parents=True)
    frame = pd.DataFrame({"hour": hour, "distance": rng.normal(1000, 300, 2000), "late": late})
    frame.astype({"late": int}).to_parquet(folder / "flights-2013-01.parquet")


def runs(client: SyncPrefectClient, deployment: object) -> list[FlowRun]:
    wanted = DeploymentFilter(id=DeploymentFilterId(any_=[deployment]))
    return client.read_flow_runs(deployment_filter=wanted)


def test_repository_deploys_and_an_event_makes_the_worker_process_a_dropped_file(
    client: SyncPrefectClient, api: str, worker: None, worker_home: Path, repository: Path
) -> None:
    pool = ("work-pool", "create", "calmops", "--type", "process", "--overwrite")
    for arguments in (pool, ("--no-prompt", "deploy", "--all")):
        done = subprocess.run(
            [sys.executable, "-m", "prefect", *arguments],
            cwd=repository,
            env=environment(repository.parent, PREFECT_API_URL=api, PWD=str(repository)),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=90,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    found = client.read_deployment_by_name("calmops-stream/flights")
    drop_month(repository)
    sent: list[float] = []

    def triggered() -> list[FlowRun]:
        # A server that has not loaded the automation yet lets the first event pass.
        if not sent or time.monotonic() - sent[-1] > 10:
            sent.append(time.monotonic())
            emit_arrival("flights", "flights-2013-01.parquet", f"{len(sent):064}")
        return [run for run in runs(client, found.id) if not run.auto_scheduled]

    wait_for(triggered, 60, "the automation creates a run")
    wait_for(lambda: any(r.state_name == "Retrained" for r in runs(client, found.id)), 90, "a run")
    wait_for(lambda: any(r.auto_scheduled for r in runs(client, found.id)), 60, "the schedule")
    with open_store(Settings(home=worker_home)) as store:
        outcomes = history(store.database, "flights")
    client.delete_deployment(found.id)
    assert [o.decision for o in outcomes] == ["trained"]
