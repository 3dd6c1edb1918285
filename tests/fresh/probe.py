"""Make Prefect do what deployments of this package rely on; run by the fresh environment.

Usage: probe.py schedule|automation FOLDER. Fails if nothing has happened after 90 seconds.
"""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

from prefect import Flow, flow
from prefect.automations import Automation
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.objects import FlowRun
from prefect.events.actions import RunDeployment
from prefect.events.schemas.automations import EventTrigger, Posture

SECONDS = 90
POOL = "fresh"
SOURCE = """from prefect import flow

@flow
def probe(via: str = "schedule"):
    print(via)
"""


def deploy(
    client: SyncPrefectClient, folder: Path, name: str, interval: timedelta | None
) -> uuid.UUID:
    """Deploy the flow of this file to a process work pool."""
    client.create_work_pool(WorkPoolCreate(name=POOL, type="process"), overwrite=True)
    (folder / "probe_flow.py").write_text(SOURCE)
    # Prefect types these as "a value or a coroutine"; without a running loop they are values.
    loaded = cast("Flow[..., None]", flow.from_source(str(folder), "probe_flow.py:probe"))
    made = loaded.deploy(name=name, work_pool_name=POOL, interval=interval, print_next_steps=False)
    return cast("uuid.UUID", made)


def runs(client: SyncPrefectClient, deployment: uuid.UUID) -> list[FlowRun]:
    """List the flow runs of a deployment."""
    wanted = DeploymentFilter(id=DeploymentFilterId(any_=[deployment]))
    return client.read_flow_runs(deployment_filter=wanted)


def wait_for(look: Callable[[], bool]) -> None:
    """Look every half second until it is so."""
    deadline = time.monotonic() + SECONDS
    while not look():
        if time.monotonic() > deadline:
            raise SystemExit(f"nothing happened within {SECONDS} seconds")
        time.sleep(0.5)


def check_schedule(client: SyncPrefectClient, folder: Path) -> None:
    """Wait until the scheduler has inserted a run."""
    deployment = deploy(client, folder, "scheduled", timedelta(seconds=60))
    wait_for(lambda: any(run.auto_scheduled for run in runs(client, deployment)))


def check_automation(client: SyncPrefectClient, folder: Path) -> None:
    """Wait until an event has made an automation create a run."""
    deployment = deploy(client, folder, "triggered", None)
    trigger = EventTrigger(
        expect={"calmops.snapshot.arrived"},
        match={"prefect.resource.id": "calmops.snapshot.*"},
        posture=Posture.Reactive,
        threshold=1,
    )
    action = RunDeployment(source="selected", deployment_id=deployment, parameters={"via": "event"})
    Automation(name="on-arrival", trigger=trigger, actions=[action]).create()
    sent: list[float] = []

    def look() -> bool:
        # A server that has not loaded the automation yet lets the first event pass.
        if not sent or time.monotonic() - sent[-1] > 10:
            emit(client)
            sent.append(time.monotonic())
        return any(run.parameters == {"via": "event"} for run in runs(client, deployment))

    wait_for(look)


def emit(client: SyncPrefectClient) -> None:
    """Post one arrival."""
    event = {
        "id": str(uuid.uuid4()),
        "occurred": datetime.now(UTC).isoformat(),
        "event": "calmops.snapshot.arrived",
        "resource": {"prefect.resource.id": "calmops.snapshot.probe"},
        "payload": {},
    }
    client._client.post("/events", json=[event]).raise_for_status()


if __name__ == "__main__":
    checks = {"schedule": check_schedule, "automation": check_automation}
    with get_client(sync_client=True) as opened:
        checks[sys.argv[1]](opened, Path(sys.argv[2]))
