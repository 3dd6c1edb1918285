"""The same files through plain call, flow and worker: the same store, row by row."""

from __future__ import annotations

import os
from pathlib import Path
from typing import cast
from uuid import UUID

import pandas as pd
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


def test_blocks_leave_the_same_store_through_plain_call_and_flow(
    api: str, tmp_path: Path, source: Source
) -> None:
    drop_blocks(source, "1.csv", ("a", 1, 0.0, 1), ("b", 2, 0.0, -1))
    drop_blocks(source, "2.csv", ("a", 3, 0.0, 1), ("b", 4, 2.0, 1), ("c", 5, 0.0, -1))
    spec = source.spec("sites", kind="block", block={"column": "site"})
    with (
        open_store(Settings(home=tmp_path / "plain")) as plain,
        open_store(Settings(home=tmp_path / "flow")) as flow,
    ):
        by_call = calmops.run(spec, store=plain, prefect=False)
        by_flow = calmops.run(spec, store=flow)

        assert dump(flow.database) == dump(plain.database)
    told = [(o.snapshot, o.decision) for o in by_call.outcomes]
    assert told == [(o.snapshot, o.decision) for o in by_flow.outcomes]
    assert [snapshot for snapshot, _ in told] == [f"1.csv#{b}" for b in "ab"] + [
        f"2.csv#{b}" for b in "abc"
    ]
    assert {"trained", "kept", "promoted"} == {decision for _, decision in told}
    assert by_flow.outcomes[0].run_id is not None


def drop_blocks(source: Source, name: str, *blocks: tuple[str, int, float, int]) -> None:
    """Write one file of blocks, each given as id, seed, shift and sign."""
    frames = []
    for site, seed, shift, sign in blocks:
        source.drop(name, seed, shift=shift, sign=sign)
        frames.append(pd.read_csv(source.folder / name).assign(site=site))
    file = source.folder / name
    pd.concat(frames).to_csv(file, index=False)
    os.utime(file, (1_600_000_000, 1_600_000_000))


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
