"""What the watcher does about settled files: tell Prefect, or process them itself."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from calmops_flows.flows.detect import PrefectUnreachableError, is_reachable
from calmops_flows.logs import pipeline_log
from calmops_flows.steps.drain import Drained, drain
from calmops_flows.steps.runner import PlainRunner

if TYPE_CHECKING:
    from calmops_flows.store.outbox import Message
    from calmops_flows.store.store import Store

logger = logging.getLogger(__name__)
Files = frozenset[tuple[str, str]]


class Reaction(Protocol):
    """Wakes a run of a pipeline."""

    def __call__(self, pipeline: str, files: Files) -> None:
        """React to settled files (stored path and stamp); none: only look after it.

        An exception means: not done, try again later.
        """
        ...


@dataclass(frozen=True, slots=True)
class Announce:
    """Posts one event per look to the Prefect API; its automation starts the run."""

    url: str

    def __call__(self, pipeline: str, files: Files) -> None:
        """Post the event; return once the server has it."""
        if not files:
            return
        if not is_reachable(self.url):
            raise PrefectUnreachableError(f"no Prefect API answers at {self.url!r}")
        from calmops_flows.flows.events import emit_arrival

        told = sorted(files)
        key = hashlib.sha256(repr(told).encode("utf-8", "backslashreplace")).hexdigest()
        emit_arrival(pipeline, told[0][0], key, files=len(told))
        logger.info("%s: told Prefect of %d files", pipeline, len(told))


@dataclass(frozen=True, slots=True)
class Drain:
    """Processes what has arrived in this process, at once and without a flow run.

    ``posts_events`` delivers the outbox to the Prefect API; otherwise it goes to the log.
    """

    store: Store
    report: Callable[[str, Drained], None]
    posts_events: bool = False

    def __call__(self, pipeline: str, files: Files) -> None:  # noqa: ARG002 - the ledger knows
        """Process all that is pending; a busy pipeline is another run's affair."""
        runner = _PostingRunner(pipeline=pipeline) if self.posts_events else PlainRunner()
        with pipeline_log(self.store.settings.logs, pipeline):
            drained = drain(pipeline, self.store, runner=runner, wait=False)
        self.report(pipeline, drained)


@dataclass(slots=True)
class _PostingRunner(PlainRunner):
    """Calls the steps plainly, and posts their messages as events."""

    pipeline: str = ""
    sink: str | None = "prefect"

    def __post_init__(self) -> None:
        """Tell people through Prefect's blocks."""
        from calmops_flows.flows.notifier import BlockNotifier

        self.notifier = BlockNotifier(self.pipeline)

    def deliver(self, messages: Sequence[Message]) -> None:
        """Post the messages; return once the server has accepted them."""
        from calmops_flows.flows.events import post

        post(messages, self.pipeline)
