"""Steps as Prefect tasks, messages as Prefect events."""

from __future__ import annotations

import logging
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar, cast

import httpx
from prefect import task
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE

from calmops_flows.errors import ArtifactError, RemoteError
from calmops_flows.flows.events import post
from calmops_flows.flows.notifier import BlockNotifier
from calmops_flows.steps.runner import RETRY_SECONDS, STEP_RETRIES, Notifier, Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from calmops_flows.records import Outcome
    from calmops_flows.store.outbox import Message

logger = logging.getLogger(__name__)
T = TypeVar("T")
_SHOW_PROGRESS_FROM = 4  # shorter drains are over before anybody looks
_SHOW_PROGRESS_SECONDS = 1.0


@dataclass(slots=True)
class PrefectRunner:
    """Calls each step as a task of the current flow run."""

    pipeline: str
    run_id: str | None = None
    on_progress: Progress | None = None
    sink: str | None = "prefect"
    notifier: Notifier | None = None
    _progress: UUID | None = field(default=None, init=False)
    _shown: float = field(default=float("-inf"), init=False)

    def __post_init__(self) -> None:
        """Tell people through Prefect's blocks, unless told otherwise."""
        self.notifier = self.notifier or BlockNotifier(self.pipeline, self.run_id)

    def step(self, name: str, label: str, call: Callable[[], T]) -> T:
        """Call a step as a task; its result never passes through Prefect, which would keep it."""
        results: list[T] = []
        errors: list[OSError] = []

        def run_step() -> None:
            errors.clear()
            try:
                results.append(call())
            except OSError as err:
                errors.append(err)
                raise

        try:
            _as_task(run_step, name, label, errors)()
        finally:
            errors.clear()
        return results[-1]

    def deliver(self, messages: Sequence[Message]) -> None:
        """Post the messages as events; return once the server has accepted them."""
        post(messages, self.pipeline, run_id=self.run_id)

    def progress(self, done: int, total: int, outcome: Outcome | None) -> None:
        """Show how far a long drain is, and pass it on."""
        if self.on_progress is not None:
            self.on_progress(done, total, outcome)
        if total < _SHOW_PROGRESS_FROM or not self._is_time_to_show(is_last=done == total):
            return
        percent = 100.0 * done / total
        try:
            if self._progress is None:
                self._progress = _start_progress(self.pipeline, percent)
            else:
                update_progress_artifact(self._progress, percent)
        except httpx.HTTPError as err:
            logger.warning("progress of %s not shown: %s", self.pipeline, err)

    def _is_time_to_show(self, *, is_last: bool) -> bool:
        """Say whether the last update is a while ago; each costs a request."""
        now = time.monotonic()
        if not is_last and now - self._shown < _SHOW_PROGRESS_SECONDS:
            return False
        self._shown = now
        return True


def task_run_name(step: str, label: str) -> str:
    """Name a task run after its step and snapshot, with nothing that Prefect would format.

    Examples
    --------
    >>> task_run_name("ingest", "2013/{01}, final.csv")
    'ingest-2013_01_final.csv'
    """
    return f"{step}-{re.sub(r'[^A-Za-z0-9.#-]+', '_', label)[:80]}"


def _as_task(
    run_step: Callable[[], None], name: str, label: str, errors: Sequence[OSError]
) -> Callable[[], None]:
    """Make a task without parameters or result, so that Prefect walks through no frame."""

    def is_worth_a_retry(*_: object) -> bool:
        return bool(errors) and not isinstance(errors[-1], (ArtifactError, RemoteError))

    as_task = task(
        name=name,
        task_run_name=task_run_name(name, label),
        retries=STEP_RETRIES.get(name, 0),
        retry_delay_seconds=RETRY_SECONDS,
        retry_jitter_factor=1.0,
        retry_condition_fn=is_worth_a_retry,
        cache_policy=NO_CACHE,
        persist_result=False,
    )
    return as_task(run_step)


def _start_progress(pipeline: str, percent: float) -> UUID:
    # A coroutine only where there is a running loop; a drain is synchronous.
    made = create_progress_artifact(percent, description=f"Snapshots of {pipeline} processed")
    return cast("UUID", made)
