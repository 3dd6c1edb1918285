"""Send what the package logs during a flow run to that run in Prefect."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from prefect.context import FlowRunContext, TaskRunContext
from prefect.logging.handlers import APILogHandler

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID


@contextmanager
def forwarded_logs(run_id: UUID) -> Iterator[None]:
    """Forward the package's records to one flow run while the block lasts."""
    package = logging.getLogger("calmops_flows")
    handler = APILogHandler(logging.INFO)
    handler.addFilter(lambda _: _current_run() == run_id)
    level = package.level
    package.addHandler(handler)
    if not package.isEnabledFor(logging.INFO):
        package.setLevel(logging.INFO)
    try:
        yield
    finally:
        package.setLevel(level)
        package.removeHandler(handler)


def _current_run() -> UUID | None:
    """Return the flow run that this thread works for; the lease's heartbeat works for none."""
    step = TaskRunContext.get()
    if step is not None:
        return step.task_run.flow_run_id
    run = FlowRunContext.get()
    return run.flow_run.id if run is not None and run.flow_run is not None else None
