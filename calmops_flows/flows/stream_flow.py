"""The flow that drains a pipeline of kind ``stream``.

The module is not called ``stream``: a submodule of that name would hide the flow in
``from calmops_flows.flows import stream``.
"""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from calmops_flows.flows.draining import PipelineReference, drain_in_flow, run_name


@flow(
    name="calmops-stream",
    flow_run_name=run_name,
    description="Process every pending snapshot of a pipeline, once, in order.",
)
def stream(pipeline: PipelineReference, wait: bool = True) -> State[list[dict[str, Any]]]:
    """Process every pending snapshot of a pipeline.

    Parameters
    ----------
    pipeline : str, Path or PipelineSpec
        The name of an applied pipeline, the path of its YAML, or the spec itself.
    wait : bool, default True
        Wait until files that are still being written have settled.

    Returns
    -------
    list of dict
        One per snapshot processed now, as ``calmops history --json`` prints it; the run
        ends in a state whose name says how the pipeline stands.

    Raises
    ------
    SpecError
        If the spec could not run.
    StoreError
        If the store cannot be reached.
    """
    return drain_in_flow(pipeline, wait=wait)
