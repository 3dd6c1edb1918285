"""How steps are called: plainly here, as Prefect tasks in ``flows``."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from calmops_flows.errors import ArtifactError, RemoteError
from calmops_flows.records import Outcome
from calmops_flows.store.lease import Lease
from calmops_flows.store.outbox import Message

logger = logging.getLogger(__name__)
T = TypeVar("T")
Progress = Callable[[int, int, Outcome | None], None]

# Tries after the first, for steps that read or write; computing again would give the same.
STEP_RETRIES = {"ingest": 2, "join": 2, "check_drift": 2, "evaluate": 1}
RETRY_SECONDS = 0.2


class Notifier(Protocol):
    """Tells people; what it is slow at holds nothing else up."""

    def tell(self, messages: Sequence[Message]) -> None:
        """Begin to deliver notifications; one that is under way already is left alone."""
        ...

    def heard(self, *, wait: bool) -> list[tuple[Message, str | None]]:
        """Return what has ended since the last call, each with its failure or None.

        ``wait`` waits for what is under way, but not for ever.
        """
        ...


class Runner(Protocol):
    """Calls the steps of a drain and tells the outside about it."""

    run_id: str | None
    sink: str | None
    """Where messages go; None: nowhere, they wait for a later run."""
    notifier: Notifier | None
    """Who tells people; None: nobody, notifications wait for a later run."""

    def step(self, name: str, label: str, call: Callable[[], T]) -> T:
        """Call one step of the snapshot ``label``."""
        ...

    def deliver(self, messages: Sequence[Message]) -> None:
        """Deliver messages; return only when the outside has them.

        Raises
        ------
        OSError
            If it did not take them; they are tried again by the next run.
        """
        ...

    def progress(self, done: int, total: int, outcome: Outcome | None) -> None:
        """Hear that ``done`` of ``total`` snapshots are through."""
        ...


@dataclass(slots=True)
class PlainRunner:
    """Calls the steps in this process, without Prefect; messages go to the log."""

    on_progress: Progress | None = None
    run_id: str | None = None
    sink: str | None = "log"
    notifier: Notifier | None = None

    def step(self, name: str, label: str, call: Callable[[], T]) -> T:
        """Call a step; try again where it reads or writes and the system failed."""
        for left in range(STEP_RETRIES.get(name, 0), -1, -1):
            try:
                return call()
            except OSError as err:
                if left == 0 or isinstance(err, (ArtifactError, RemoteError)):
                    raise
                logger.warning("%s of %r failed, trying again: %s", name, label, err)
                time.sleep(RETRY_SECONDS * (1 + random.random()))  # noqa: S311 - jitter
        raise AssertionError("unreachable")

    def deliver(self, messages: Sequence[Message]) -> None:
        """Write each message to the log."""
        for message in messages:
            logger.info("%s %s", message.kind, message.id)

    def progress(self, done: int, total: int, outcome: Outcome | None) -> None:
        """Pass progress on to the callback, if there is one."""
        if self.on_progress is not None:
            self.on_progress(done, total, outcome)


@dataclass(slots=True)
class StepCalls:
    """Calls the steps of one snapshot, while the lease stands, and keeps their cost."""

    lease: Lease
    runner: Runner
    label: str
    cost_seconds: dict[str, float] = field(default_factory=dict)

    def __call__(self, name: str, call: Callable[[], T]) -> T:
        """Call one step; its wall-clock seconds are added under its name."""
        self.lease.check()
        started = time.perf_counter()
        result = self.runner.step(name, self.label, call)
        spent = self.cost_seconds.get(name, 0.0) + time.perf_counter() - started
        self.cost_seconds[name] = round(spent, 4)
        return result
