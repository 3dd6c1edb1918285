"""What the flows of all kinds do: drain a pipeline within a flow run."""

from __future__ import annotations

from contextlib import nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from prefect import get_run_logger
from prefect.context import FlowRunContext
from prefect.runtime import flow_run
from prefect.states import Completed
from pydantic import WithJsonSchema

from calmops_flows.flows.artifacts import last_decision, write_artifacts
from calmops_flows.flows.logs import forwarded_logs
from calmops_flows.flows.runner import PrefectRunner
from calmops_flows.flows.states import end_state
from calmops_flows.logs import pipeline_log
from calmops_flows.spec import PipelineSpec
from calmops_flows.steps.apply import resolve_pipeline
from calmops_flows.steps.drain import Drained, drain, utc_now
from calmops_flows.store.pipelines import load_state
from calmops_flows.store.store import Store, open_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from prefect.client.schemas.objects import State

    from calmops_flows.steps.runner import Progress

# The form in Prefect's UI asks for a text; Python callers may also hand over a spec.
PipelineReference = Annotated[
    str | Path | PipelineSpec,
    WithJsonSchema(
        {"type": "string", "description": "Name of an applied pipeline, or path of a spec's YAML."}
    ),
]


@dataclass(slots=True)
class Call:
    """What a caller in the same process shares with the flow, and gets back from it.

    A flow's parameters and result must be JSON; an open store, a clock and the records
    of a drain are not.
    """

    store: Store
    now: Callable[[], datetime]
    on_progress: Progress | None = None
    is_started: bool = False
    drained: Drained | None = None


current_call: ContextVar[Call | None] = ContextVar("calmops_call", default=None)


def run_name() -> str:
    """Name a run after its pipeline and its scheduled time."""
    given: Any = flow_run.parameters["pipeline"]
    name = (
        given["name"]
        if isinstance(given, dict)
        else getattr(given, "name", None) or Path(given).stem
    )
    return f"{name}-{flow_run.scheduled_start_time:%Y%m%dT%H%M%S}"


def drain_in_flow(pipeline: PipelineReference, *, wait: bool) -> State[list[dict[str, Any]]]:
    """Process every pending snapshot of a pipeline, and end in a state that says its health."""
    call = current_call.get()
    if call is not None:
        call.is_started = True
    with nullcontext(call.store) if call else open_store() as store:
        name = resolve_pipeline(pipeline, store)
        drained = _drain(name, store, call, wait=wait)
        if call is not None:
            call.drained = drained
        write_artifacts(store, name, drained)
        state = load_state(store.database, name)
        last = last_decision(store, name, drained)
    end = end_state(drained, state.spec, state.breaker, last)
    get_run_logger().info("%s: %s, %s", name, end.name, end.message)
    outcomes = [outcome.to_dict() for outcome in drained.outcomes]
    return Completed(name=end.name, message=end.message, data=outcomes)


def _drain(name: str, store: Store, call: Call | None, *, wait: bool) -> Drained:
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        raise RuntimeError("a flow's body runs within a flow run")
    run_id = context.flow_run.id
    runner = PrefectRunner(name, str(run_id), call.on_progress if call else None)
    with forwarded_logs(run_id), pipeline_log(store.settings.logs, name):
        return drain(name, store, now=call.now if call else utc_now, runner=runner, wait=wait)
