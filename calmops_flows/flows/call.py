"""Run a pipeline under Prefect from within a process that waits for it."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from typing import TYPE_CHECKING

from calmops_flows.flows.detect import PrefectUnreachableError, api_url, is_reachable
from calmops_flows.steps.apply import resolve_pipeline
from calmops_flows.steps.drain import Drained, drain, utc_now
from calmops_flows.steps.runner import PlainRunner, Progress
from calmops_flows.store.pipelines import load_state

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from calmops_flows.flows.draining import Call
    from calmops_flows.spec import PipelineSpec
    from calmops_flows.store.store import Store

logger = logging.getLogger(__name__)
_NOT_REACHED = "Failed to reach API"  # how Prefect's RuntimeError begins when the API answers 500


def call_flow(
    pipeline: PipelineSpec | str | Path,
    store: Store,
    *,
    now: Callable[[], datetime] | None = None,
    wait: bool = True,
    on_progress: Progress | None = None,
    is_required: bool = False,
) -> Drained:
    """Drain a pipeline as a flow run, or plainly when Prefect may be missing and is.

    Parameters
    ----------
    pipeline : PipelineSpec, str or Path
        A spec, the path of its YAML, or the name of an applied one.
    store : Store
        The store it lives in.
    now, wait, on_progress
        As for :func:`calmops_flows.api.run`.
    is_required : bool, default False
        A silent API is an error, and with none configured a server is started that
        ends with this process. Otherwise the run goes on without Prefect, and its
        messages stay in the outbox for a later run.

    Raises
    ------
    PrefectUnreachableError
        If the API is required and does not answer.
    """
    name = resolve_pipeline(pipeline, store)
    # An unknown pipeline makes no failed flow run.
    kind = load_state(store.database, name).spec.kind
    clock = now or utc_now
    url = api_url()
    if url is not None and not is_reachable(url):
        if is_required:
            raise PrefectUnreachableError(
                f"no Prefect API answers at {url!r}; start it with `prefect server start`, "
                "or run with --no-prefect"
            )
        return _without_prefect(name, store, clock, url, wait=wait, on_progress=on_progress)
    from calmops_flows.flows.draining import Call

    call = Call(store, clock, on_progress)
    _call_flow(name, kind, call, url, wait=wait, is_required=is_required)
    if call.drained is None:
        return _without_prefect(name, store, clock, url, wait=wait, on_progress=on_progress)
    return call.drained


def _without_prefect(
    name: str,
    store: Store,
    now: Callable[[], datetime],
    url: str | None,
    *,
    wait: bool,
    on_progress: Progress | None,
) -> Drained:
    logger.warning(
        "no Prefect API answers at %s: running without it; events wait in the outbox", url
    )
    runner = PlainRunner(on_progress, sink=None)
    return drain(name, store, now=now, runner=runner, wait=wait)


def _call_flow(
    name: str, kind: str, call: Call, url: str | None, *, wait: bool, is_required: bool
) -> None:
    """Call the flow; what the API does after the drain no longer changes what was done."""
    import httpx
    from prefect.exceptions import PrefectException
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from calmops_flows.flows.draining import current_call
    from calmops_flows.flows.ephemeral import ephemeral_api
    from calmops_flows.flows.table import FLOWS

    with ExitStack() as stack:
        stack.enter_context(temporary_settings({PREFECT_API_URL: url or ephemeral_api()}))
        stack.callback(current_call.reset, current_call.set(call))
        try:
            FLOWS[kind](name, wait=wait)
        except (httpx.HTTPError, PrefectException) as err:
            _judge_failure(call, err, is_required=is_required)
        except RuntimeError as err:
            if not str(err).startswith(_NOT_REACHED):
                raise
            _judge_failure(call, err, is_required=is_required)


def _judge_failure(call: Call, err: Exception, *, is_required: bool) -> None:
    """Raise what the API did, unless the drain is done or may be done without it."""
    if call.drained is None and (is_required or call.is_started):
        raise PrefectUnreachableError(f"the Prefect API failed: {err!r}") from err
    if call.drained is not None:
        logger.warning("the run is done, but Prefect could not record its end: %s", err)
