"""`calmops status` says how a pipeline stands on a real server."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType

from calmops_flows import api as calmops
from calmops_flows.cli.main import main
from calmops_flows.flows.deploy import deploy, undeploy
from calmops_flows.steps.apply import apply
from calmops_flows.store.store import Store
from tests.prefect.conftest import Source
from tests.prefect.server import wait_for

pytestmark = pytest.mark.prefect
DAILY = {"schedule": {"cron": "0 6 * * *", "timezone": "Europe/Madrid"}}


def shown(capsys: pytest.CaptureFixture[str], name: str) -> dict[str, Any]:
    """Return what the command says of Prefect, as JSON."""
    assert main(["status", name, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)["prefect"]
    return found


def said(capsys: pytest.CaptureFixture[str], name: str) -> str:
    """Return what the command says to a person, without its padding."""
    assert main(["status", name]) == 0
    return " ".join(capsys.readouterr().out.split())


def scheduled(client: SyncPrefectClient, deployment: UUID) -> list[datetime]:
    """Return when the server will start runs of a deployment, the next one first."""
    types = FlowRunFilterStateType(any_=[StateType.SCHEDULED])
    found = client.read_flow_runs(
        flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=types)),
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment])),
    )
    return sorted(run.expected_start_time for run in found if run.expected_start_time)


def test_status_shows_deployment_next_run_pause_and_a_link_that_leads_to_the_last_run(
    client: SyncPrefectClient,
    api: str,
    store: Store,
    source: Source,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source.drop("1.csv", 1)
    apply(source.spec("seen", triggers=DAILY), store)
    before = shown(capsys, "seen")
    deployed = deploy("seen", store)
    run_id = str(calmops.run("seen", store=store).outcomes[0].run_id)
    wait_for(lambda: scheduled(client, deployed.id), 60, "the server schedules runs")

    ended = client.read_flow_run(UUID(run_id)).state_name
    view = shown(capsys, "seen")
    text = said(capsys, "seen")
    client.pause_deployment(deployed.id)
    paused = shown(capsys, "seen")
    paused_text = said(capsys, "seen")
    undeploy("seen")
    client.delete_flow_run(UUID(run_id))
    forgotten = shown(capsys, "seen")

    nothing = {"name": None, "is_paused": None, "next_run_at": None, "last_run_url": None}
    assert before == {"api": api, "is_answering": True, **nothing}
    assert (view["name"], view["is_paused"]) == ("calmops-stream/seen", False)
    # The safety net comes every five minutes, the schedule of its own once a day.
    next_run = datetime.fromisoformat(view["next_run_at"])
    assert 0 <= (next_run - datetime.now(UTC)).total_seconds() <= 300
    link, _, linked = view["last_run_url"].rpartition("/runs/flow-run/")
    assert (link, linked) == (api.removesuffix("/api"), run_id)
    assert ended == "Retrained"
    assert f"last run {view['last_run_url']} deployment calmops-stream/seen next run" in text
    assert (paused["is_paused"], paused["next_run_at"]) == (True, None)
    assert "deployment calmops-stream/seen, paused" in paused_text
    assert forgotten == {"api": api, "is_answering": True, **nothing}
    assert f"last run {run_id}, which this server does not know" in said(capsys, "seen")
