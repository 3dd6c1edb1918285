"""The body of every flow: drain a pipeline within a flow run, and tell Prefect what came of it."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from prefect import get_run_logger
from prefect.context import FlowRunContext
from prefect.states import Completed

from calmops_flows.flows.artifacts import last_decision, write_artifacts
from calmops_flows.flows.logs import forwarded_logs
from calmops_flows.flows.runner import PrefectRunner
from calmops_flows.flows.states import end_state
from calmops_flows.logs import pipeline_log
from calmops_flows.steps.apply import resolve_pipeline
from calmops_flows.steps.drain import Drained, drain, utc_now
from calmops_flows.store.pipelines import load_state
from calmops_flows.store.store import Store, open_store

if TYPE_CHECKING:
    from prefect.client.schemas.objects import State

    from calmops_flows.flows.draining import Call, PipelineReference


def drain_and_tell(
    pipeline: PipelineReference, call: Call | None, *, wait: bool
) -> State[list[dict[str, Any]]]:
    """Process every pending snapshot of a pipeline, and end in a state that says its health."""
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
