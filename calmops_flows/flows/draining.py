"""What the flows of all kinds share, light enough that a run starts at once.

A worker starts a new Python for each run, and Prefect calls it running when this module and
the flow are loaded; what the work needs (scikit-learn, SQLAlchemy …) is loaded by the run itself.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from prefect.runtime import flow_run
from pydantic import WithJsonSchema

from calmops_flows.spec import PipelineSpec

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from prefect.client.schemas.objects import State

    from calmops_flows.steps.drain import Drained
    from calmops_flows.steps.runner import Progress
    from calmops_flows.store.store import Store

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
    from calmops_flows.flows.body import drain_and_tell

    call = current_call.get()
    if call is not None:
        call.is_started = True
    return drain_and_tell(pipeline, call, wait=wait)
