"""Steps as tasks: named, tried again where that helps, and out of Prefect's sight."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

import pytest
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import TaskRun
from prefect.context import FlowRunContext

from calmops_flows.errors import ArtifactError, SnapshotError
from calmops_flows.flows.runner import PrefectRunner, task_run_name
from tests.prefect.server import wait_for

pytestmark = pytest.mark.prefect
T = TypeVar("T")


class Failing:
    """Fails with each error in turn, then answers."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


def in_flow(name: str, call: Callable[[], T]) -> T:
    """Call one step as a run does."""

    @flow(name="one-step", persist_result=False)
    def one_step() -> None:
        results.append(PrefectRunner("p").step(name, "1.csv", call))

    results: list[T] = []
    one_step()
    return results[0]


def test_task_run_is_named_after_step_and_snapshot(client: SyncPrefectClient) -> None:
    ids: list[UUID] = []

    @flow(name="names")
    def names() -> None:
        context = FlowRunContext.get()
        assert context is not None
        assert context.flow_run is not None
        ids.append(context.flow_run.id)
        PrefectRunner("p").step("ingest", "2013/{0}, jan.csv", lambda: None)

    names()

    wanted = FlowRunFilter(id=FlowRunFilterId(any_=ids))

    def look() -> list[TaskRun]:
        return client.read_task_runs(flow_run_filter=wanted)

    (run,) = wait_for(look, 120, "the server records the task run")
    assert run.name == "ingest-2013_0_jan.csv"


def test_name_cannot_be_a_template() -> None:
    assert task_run_name("commit", "{pipeline}\n#north") == "commit-_pipeline_#north"


def test_result_is_the_very_object(api: str) -> None:
    made = object()

    assert in_flow("commit", lambda: made) is made


def test_failed_read_is_tried_again(api: str) -> None:
    call = Failing(OSError("device busy"), OSError("device busy"))

    assert in_flow("ingest", call) == "done"
    assert call.calls == 3


def test_step_that_only_computes_is_not_tried_again(api: str) -> None:
    call = Failing(OSError("no"))

    with pytest.raises(OSError, match="no"):
        in_flow("commit", call)

    assert call.calls == 1


@pytest.mark.parametrize(
    "error",
    [SnapshotError("parquet_footer", "cut at byte 7"), ArtifactError("gone"), KeyError("bug")],
)
def test_other_errors_come_out_unchanged_at_once(api: str, error: Exception) -> None:
    call = Failing(error)

    with pytest.raises(type(error)) as raised:
        in_flow("ingest", call)

    assert raised.value is error
    assert call.calls == 1
