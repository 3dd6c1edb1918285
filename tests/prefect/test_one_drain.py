"""The same twelve files through plain call, flow and worker: the same store, row by row."""

from __future__ import annotations

from pathlib import Path
from typing import cast
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment

from calmops_flows import api as calmops
from calmops_flows.flows.deploy import deploy, undeploy
from calmops_flows.settings import Settings
from calmops_flows.spec import PipelineSpec
from calmops_flows.steps.apply import apply
from calmops_flows.store.history import history
from calmops_flows.store.store import Store, open_store
from tests.prefect.conftest import Source
from tests.prefect.server import wait_for
from tests.store_dump import dump

pytestmark = pytest.mark.prefect
NAME = "twelve"


@pytest.fixture
def spec(source: Source) -> PipelineSpec:
    """Twelve files: drift, a new concept, a broken file and a copy among them."""
    for number in range(1, 5):
        source.drop(f"{number:02}.csv", number)
    for number in range(5, 11):
        source.drop(f"{number:02}.csv", number, shift=2.0, sign=-1)
    (source.folder / "11.csv").write_text("a,b\n1,2\n")
    (source.folder / "12.csv").write_bytes((source.folder / "02.csv").read_bytes())
    return source.spec(NAME)


def test_plain_call_and_flow_leave_the_same_store(
    api: str, tmp_path: Path, spec: PipelineSpec
) -> None:
    with (
        open_store(Settings(home=tmp_path / "plain")) as plain,
        open_store(Settings(home=tmp_path / "flow")) as flow,
    ):
        by_call = calmops.run(spec, store=plain, prefect=False)
        by_flow = calmops.run(spec, store=flow)

        assert dump(flow.database) == dump(plain.database)
    assert [o.decision for o in by_flow.outcomes] == [o.decision for o in by_call.outcomes]
    assert {"trained", "kept", "promoted"} <= {o.decision for o in by_flow.outcomes}
    assert len(by_flow.quarantined) == 1
    assert by_call.outcomes[0].run_id is None
    assert by_flow.outcomes[0].run_id is not None


def test_worker_leaves_the_same_store_as_a_plain_call(
    client: SyncPrefectClient, worker: None, tmp_path: Path, spec: PipelineSpec
) -> None:
    with (
        open_store(Settings(home=tmp_path / "plain")) as plain,
        open_store(Settings(home=tmp_path / "worker")) as store,
    ):
        calmops.run(spec, store=plain, prefect=False)
        apply(spec, store)
        deployed = deploy(NAME, store)
        run = cast("FlowRun", run_deployment(deployed.name, timeout=0, as_subflow=False))

        wait_for(lambda: is_done(client, run.id), 90, "the worker ran the deployment")

        undeploy(NAME)
        assert client.read_flow_run(run.id).state_name == "Degraded"
        assert run_ids(store) == {str(run.id)}
        assert dump(store.database) == dump(plain.database)


def is_done(client: SyncPrefectClient, run: UUID) -> bool:
    state = client.read_flow_run(run).state
    return state is not None and state.is_final()


def run_ids(store: Store) -> set[str | None]:
    return {o.run_id for o in history(store.database, NAME) if o.decision}
