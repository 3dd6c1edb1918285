"""`calmops watch` beside a server that comes up later: told late, told once, lost never."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId

from calmops_flows.flows.deploy import deploy, undeploy
from calmops_flows.steps.apply import apply
from calmops_flows.store.store import Store
from tests.prefect.conftest import Source
from tests.prefect.proxy import Proxy
from tests.prefect.server import environment, wait_for
from tests.prefect.test_delivery import events

pytestmark = pytest.mark.prefect


def test_files_that_settle_while_the_server_is_down_wake_a_run_when_it_is_up(
    client: SyncPrefectClient, store: Store, source: Source, calmops_home: Path, tmp_path: Path
) -> None:
    apply(source.spec("late"), store)
    deployed = deploy("late", store)
    log = tmp_path / "watch.log"

    def woken() -> bool:
        wanted = DeploymentFilter(id=DeploymentFilterId(any_=[deployed.id]))
        return any(not r.auto_scheduled for r in client.read_flow_runs(deployment_filter=wanted))

    with Proxy(str(client.api_url), cut_at=b"nobody says this") as proxy, log.open("wb") as out:
        proxy.cut()
        source.drop("1.csv", 1)
        source.drop("2.csv", 2)
        watcher = subprocess.Popen(
            [sys.executable, "-m", "calmops_flows.cli.main", "watch", "late"],
            env=environment(tmp_path, PREFECT_API_URL=proxy.url, CALMOPS_HOME=str(calmops_home)),
            stdout=out,
            stderr=out,
        )
        try:
            wait_for(lambda: b"no Prefect API answers" in log.read_bytes(), 60, "it is missed")
            time.sleep(1)
            silent = events(client, "calmops.snapshot.late")
            proxy.mend()
            wait_for(woken, 60, "the automation starts a run")
            # The server stores events in batches, after its automations have seen them.
            told = wait_for(lambda: events(client, "calmops.snapshot.late"), 60, "it is stored")
        finally:
            watcher.terminate()
            code = watcher.wait(timeout=20)
    undeploy("late")

    assert silent == []
    assert [(one["event"], one["payload"]["files"]) for one in told] == [
        ("calmops.snapshot.arrived", 2)
    ]
    assert code == 143
