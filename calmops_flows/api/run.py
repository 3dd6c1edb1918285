"""Apply and run pipelines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from calmops_flows.records import Outcome
    from calmops_flows.spec import PipelineSpec
    from calmops_flows.steps.drain import Drained
    from calmops_flows.steps.runner import Progress, Runner
    from calmops_flows.store.store import Store


def apply(spec: PipelineSpec, store: Store, *, now: datetime | None = None) -> int:
    """Validate a spec and put it in the store.

    Returns
    -------
    int
        Its revision; the same spec again keeps its revision.

    Raises
    ------
    SpecError
        If the spec could not run.
    """
    from calmops_flows.steps.apply import apply as validate_and_store

    return validate_and_store(spec, store, now=now)


def resolve_pipeline(pipeline: PipelineSpec | str | Path, store: Store) -> str:
    """Return the name of an applied pipeline; a spec or the path of one is applied first."""
    from calmops_flows.steps.apply import resolve_pipeline as resolve

    return resolve(pipeline, store)


def run_pipeline(
    pipeline: PipelineSpec | str | Path,
    *,
    store: Store | None = None,
    now: Callable[[], datetime] | None = None,
) -> list[Outcome]:
    """Process every pending snapshot of a pipeline, once, in order.

    Under Prefect when an API is configured (``CALMOPS_PREFECT``), else in this
    process; the records in the store are the same.

    Parameters
    ----------
    pipeline : PipelineSpec, str or Path
        A spec, the path of its YAML, or the name of an applied one.
    store : Store, optional
        Default: the one that the environment names.
    now : callable, optional
        The clock, for replays; default: the real one.

    Returns
    -------
    list of Outcome
        One per snapshot processed now, oldest first; empty when nothing was
        pending or another worker holds the pipeline.

    Raises
    ------
    SpecError
        If the spec could not run.
    StoreError
        If the store cannot be reached.
    """
    return run(pipeline, store=store, now=now).outcomes


def run(
    pipeline: PipelineSpec | str | Path,
    *,
    store: Store | None = None,
    now: Callable[[], datetime] | None = None,
    runner: Runner | None = None,
    wait: bool = True,
    on_progress: Progress | None = None,
    prefect: bool | None = None,
) -> Drained:
    """Do as :func:`run_pipeline`, and also return what was quarantined or is waiting.

    Parameters
    ----------
    pipeline, store, now
        As for :func:`run_pipeline`.
    runner : Runner, optional
        Calls the steps in this process; given, Prefect is left out.
    wait : bool, default True
        Wait until files that are still being written have settled.
    on_progress : callable, optional
        Hears ``(done, total, outcome)`` after each snapshot.
    prefect : bool, optional
        Run under Prefect or not, whatever ``CALMOPS_PREFECT`` says. True without an
        API starts a server that ends with this process.

    Raises
    ------
    PrefectUnreachableError
        If Prefect was demanded and its API does not answer.
    """
    from calmops_flows.flows.detect import prefect_is_configured
    from calmops_flows.store.store import open_store

    opened = store or open_store()
    try:
        under_prefect = prefect_is_configured(opened.settings) if prefect is None else prefect
        if under_prefect and runner is None:
            from calmops_flows.flows.call import call_flow

            is_required = prefect is True or opened.settings.prefect == "on"
            return call_flow(
                pipeline,
                opened,
                now=now,
                wait=wait,
                on_progress=on_progress,
                is_required=is_required,
            )
        from calmops_flows.steps.drain import drain, utc_now
        from calmops_flows.steps.runner import PlainRunner

        name = resolve_pipeline(pipeline, opened)
        runner = runner or PlainRunner(on_progress)
        return drain(name, opened, now=now or utc_now, runner=runner, wait=wait)
    finally:
        if store is None:
            opened.close()
