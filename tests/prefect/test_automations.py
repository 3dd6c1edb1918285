"""The automations of a deployment are on the server, and a real server fires them."""

from __future__ import annotations

import runpy
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.states import Failed, Running

from calmops_flows.cli.main import main
from calmops_flows.errors import NotFoundError
from calmops_flows.flows.automations import Rules
from calmops_flows.flows.deploy import deploy, undeploy
from calmops_flows.steps.apply import apply
from calmops_flows.store.store import Store
from tests.prefect.conftest import Source
from tests.prefect.receivers import webhook
from tests.prefect.server import wait_for
from tests.prefect.test_notify import save_webhook

pytestmark = pytest.mark.prefect
SCRIPT = Path(__file__).parents[2] / "deployments" / "automations.py"
KINDS = ("arrival", "pause", "resume", "zombie", "notify")
QUICK = Rules(resume_after_seconds=10, zombie_after_seconds=10)
LOADED_SECONDS = 3.0  # a server takes a moment until its triggers see a new automation


def automations(client: SyncPrefectClient, pipeline: str) -> dict[str, Any]:
    """Return what the server holds for a pipeline, by kind."""
    found = {}
    for kind in KINDS:
        for one in client.read_automations_by_name(f"calmops-{kind}-{pipeline}"):
            assert kind not in found, f"two automations {one.name}"
            found[kind] = one
    return found


def start_run(client: SyncPrefectClient, deployment: UUID) -> FlowRun:
    """Make a run that no worker will ever take up."""
    return client.create_flow_run_from_deployment(deployment, state=Running())


def test_deployment_brings_its_automations_once_and_takes_them_along(
    client: SyncPrefectClient, store: Store, source: Source
) -> None:
    apply(source.spec("owned"), store)
    deploy("owned", store)

    made = deploy("owned", store)

    found = automations(client, "owned")
    assert set(found) == {"arrival", "pause", "resume", "zombie"}
    pause, resume, zombie = found["pause"], found["resume"], found["zombie"]
    assert (pause.trigger.threshold, pause.trigger.within) == (3, timedelta(minutes=10))
    assert {"prefect.flow-run.Failed", "prefect.flow-run.Crashed"} <= pause.trigger.expect
    assert pause.actions[0].deployment_id == resume.actions[0].deployment_id == made.id
    assert resume.trigger.match.model_dump() == {
        "prefect.resource.id": f"prefect.automation.{pause.id}"
    }
    assert zombie.trigger.within == timedelta(seconds=90)
    assert main(["delete", "owned", "--yes"]) == 0
    assert automations(client, "owned") == {}


def test_automations_of_a_declared_deployment_are_renewed_and_its_trigger_stays(
    client: SyncPrefectClient, store: Store, source: Source, tmp_path: Path
) -> None:
    apply(source.spec("declared"), store)
    deploy("declared", store)
    before = automations(client, "declared")
    declared = tmp_path / "prefect.yaml"
    declared.write_text("deployments: [{name: declared}, {name: not-deployed}]")

    renewed = runpy.run_path(str(SCRIPT))["renew_all"](declared)

    after = automations(client, "declared")
    assert renewed == ["declared"]
    assert after.keys() == before.keys()
    assert after["arrival"].id == before["arrival"].id
    assert after["resume"].trigger.match.model_dump() == {
        "prefect.resource.id": f"prefect.automation.{after['pause'].id}"
    }
    undeploy("declared")
    assert automations(client, "declared") == {}


def test_three_failures_pause_the_deployment_which_is_resumed_later(
    client: SyncPrefectClient, store: Store, source: Source
) -> None:
    apply(source.spec("thrice"), store)
    deployed = deploy("thrice", store, rules=QUICK)
    time.sleep(LOADED_SECONDS)

    def is_paused() -> bool:
        return client.read_deployment(deployed.id).paused

    for number in range(3):
        assert not is_paused(), f"paused after {number} failures"
        run = start_run(client, deployed.id)
        client.set_flow_run_state(run.id, Failed(message="broken on purpose"), force=True)

    wait_for(is_paused, 30, "the automation pauses the deployment")
    wait_for(lambda: not is_paused(), 60, "the automation resumes the deployment")
    undeploy("thrice")


def heartbeat(client: SyncPrefectClient, run: FlowRun, deployment: UUID) -> None:
    """Say what a flow's process says every half minute."""
    related = [
        {
            "prefect.resource.id": f"prefect.deployment.{deployment}",
            "prefect.resource.role": "deployment",
        }
    ]
    event = {
        "id": str(uuid4()),
        "occurred": datetime.now(UTC).isoformat(),
        "event": "prefect.flow-run.heartbeat",
        "resource": {"prefect.resource.id": f"prefect.flow-run.{run.id}"},
        "related": related,
    }
    client.request("POST", "/events", json=[event])


def test_run_that_is_silent_after_its_heartbeat_is_called_crashed(
    client: SyncPrefectClient, store: Store, source: Source
) -> None:
    apply(source.spec("silent"), store)
    deployed = deploy("silent", store, rules=QUICK)
    time.sleep(LOADED_SECONDS)
    run = start_run(client, deployed.id)
    heartbeat(client, run, deployed.id)

    def state() -> Any:
        return client.read_flow_run(run.id).state

    wait_for(lambda: state().is_crashed(), 60, "the zombie rule ends the run")
    assert state().name == "Zombie"
    undeploy("silent")


def test_prefect_tells_the_block_of_quarantine_and_keeps_it_over_the_next_deploy(
    client: SyncPrefectClient,
    api: str,
    store: Store,
    source: Source,
    capsys: pytest.CaptureFixture[str],
) -> None:
    apply(source.spec("watched"), store)
    with webhook() as hook:
        block = save_webhook(hook, "server-side")
        assert main(["deploy", "watched", "--notify", block]) == 0
        assert main(["deploy", "watched"]) == 0
        time.sleep(LOADED_SECONDS)
        (source.folder / "1.csv").write_text("a,b\n1,2\n")

        assert main(["run", "watched"]) == 0

        wait_for(lambda: hook.posts, 30, "the automation notifies")
        assert "calmops.snapshot.quarantined in watched" in hook.posts[0]["text"]
        assert "snapshot: 1.csv" in hook.posts[0]["text"]
    deploy("watched", store, notify="")
    assert set(automations(client, "watched")) == set(KINDS) - {"notify"}
    undeploy("watched")


def test_block_that_the_server_does_not_have_is_refused(
    client: SyncPrefectClient, store: Store, source: Source
) -> None:
    apply(source.spec("mistaken"), store)

    with pytest.raises(NotFoundError, match="no block 'slack-webhook/nobody'"):
        deploy("mistaken", store, notify="slack-webhook/nobody")

    assert automations(client, "mistaken") == {}
