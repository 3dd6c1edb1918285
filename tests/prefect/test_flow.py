"""The flow, called from Python, does what a plain run does, and says how the pipeline stands."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    LogFilter,
    LogFilterFlowRunId,
)
from prefect.client.schemas.objects import Log

from calmops_flows.flows import stream
from calmops_flows.spec import dump_spec
from calmops_flows.steps.apply import apply
from calmops_flows.store.lease import acquire
from calmops_flows.store.store import Store
from tests.prefect.conftest import Source, ended
from tests.prefect.server import wait_for

pytestmark = pytest.mark.prefect


def test_flow_called_with_a_spec_ends_in_a_named_state(
    client: SyncPrefectClient, store: Store, source: Source
) -> None:
    source.drop("1.csv", 1)

    state, run_id = ended(source.spec("named"))

    assert (state.type.value, state.name) == ("COMPLETED", "Retrained")
    assert [o["decision"] for o in state.result()] == ["trained"]
    run = client.read_flow_run(run_id)
    assert run.state_name == "Retrained"
    assert run.name.startswith("named-")
    assert run.state is not None
    assert run.state.message == "1 snapshot: 1 trained"


def test_flow_called_with_the_path_of_a_yaml_applies_it(
    api: str, store: Store, source: Source, tmp_path: Path
) -> None:
    source.drop("1.csv", 1)
    file = tmp_path / "spec.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(dump_spec(source.spec("from-yaml")))))

    state, _ = ended(str(file))

    assert [o["decision"] for o in state.result()] == ["trained"]


def test_flow_without_new_files_is_idle_and_writes_no_artifact(
    client: SyncPrefectClient, store: Store, source: Source
) -> None:
    apply(source.spec("idle"), store)

    state, run_id = ended("idle")

    assert state.name == "Idle"
    wanted = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run_id]))
    assert client.read_artifacts(artifact_filter=wanted) == []


def test_flow_on_a_held_pipeline_is_busy_and_knocks(api: str, store: Store, source: Source) -> None:
    apply(source.spec("held"), store)
    lease = acquire(store.database, "held", seconds=60)
    assert lease is not None

    state, _ = ended("held")

    assert state.name == "Busy"
    assert lease.wake_count() == 1


def test_long_drain_writes_table_decisions_progress_and_link_once(
    client: SyncPrefectClient,
    store: Store,
    source: Source,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CALMOPS_DASHBOARD_URL", "http://127.0.0.1:8501")
    for number in range(4):
        source.drop(f"{number}.csv", number)
    (source.folder / "5|<b>.csv").write_text("a,b\n")

    state, run_id = ended(source.spec("shown"))

    wanted = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run_id]))
    found = client.read_artifacts(artifact_filter=wanted)
    by_key = {artifact.key or "progress": artifact for artifact in found}
    assert sorted(by_key) == [
        "calmops-shown-dashboard",
        "calmops-shown-decisions",
        "calmops-shown-drift",
        "progress",
    ]
    assert by_key["progress"].data == 100
    page = str(by_key["calmops-shown-decisions"].data)
    assert "kept" in page
    assert "<b>.csv`: quarantined" in page
    assert state.name == "Degraded"


def test_what_the_package_logs_reaches_the_flow_run(
    client: SyncPrefectClient, store: Store, source: Source
) -> None:
    source.drop("1.csv", 1)

    _, run_id = ended(source.spec("logged"))

    wanted = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run_id]))

    def look() -> list[Log]:
        return [log for log in client.read_logs(wanted) if log.name.startswith("calmops_flows")]

    (log, *_) = wait_for(look, 20, "the logs arrive")
    assert "'1.csv': trained" in log.message


def test_error_of_a_run_comes_out_of_the_flow(api: str, store: Store) -> None:
    with pytest.raises(LookupError, match="there is no pipeline 'nobody'"):
        stream("nobody")
