"""Replay one policy: the same drain, over the same files, in a store of its own."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from calmops_flows.errors import CalmopsError
from calmops_flows.logs import LOGGER
from calmops_flows.settings import Settings
from calmops_flows.steps.apply import apply
from calmops_flows.steps.drain import Drained, drain
from calmops_flows.steps.runner import PlainRunner
from calmops_flows.store import registry
from calmops_flows.store.history import decision
from calmops_flows.store.store import Store, open_store
from calmops_flows.store.tables import outcomes

if TYPE_CHECKING:
    from calmops_flows.records import Outcome
    from calmops_flows.spec import PipelineSpec

START = datetime(2000, 1, 1, tzinfo=UTC)
_told: list[Any] = []  # the queue that this process tells its progress to


@dataclass(frozen=True, slots=True)
class Job:
    """All that a process needs to replay one policy."""

    policy: str
    spec: PipelineSpec
    home: Path
    interval: timedelta
    trusted_modules: str = ""

    @property
    def settings(self) -> Settings:
        """Settings of the temporary store, whatever the environment says of the live one."""
        return Settings(
            home=self.home,
            database_url="",
            artifacts_url="",
            prefect="off",
            trusted_modules=self.trusted_modules,
        )


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay cost and did; ``failure`` says why there is nothing to score.

    ``fits`` counts every fit of a candidate, the first model and those that were turned
    away or failed among them; ``refits`` the fits on all rows of those that were accepted.
    """

    policy: str
    fits: int = 0
    refits: int = 0
    promotions: int = 0
    processed: int = 0
    quarantined: int = 0
    deferred: int = 0
    fit_seconds: float = 0.0
    cpu_seconds: float = 0.0
    failure: str | None = None


@dataclass(slots=True)
class _Clock:
    """A clock that moves by one interval with each snapshot, so that the breaker can close."""

    interval: timedelta
    now: datetime = field(default=START)

    def read(self) -> datetime:
        return self.now

    def tick(self) -> None:
        self.now += self.interval


def listen(queue: Any) -> None:
    """Prepare a process: where its progress goes, and silence about single snapshots."""
    _told[:] = [queue]
    logging.getLogger(LOGGER).setLevel(logging.ERROR)


def replay(job: Job) -> Replayed:
    """Replay one policy in this process; the temporary store stays for the scoring."""
    clock = _Clock(job.interval)

    def advance(done: int, total: int, _outcome: Outcome | None) -> None:
        clock.tick()
        for queue in _told:
            queue.put((job.policy, done, total))

    started = _cpu_seconds()
    try:
        with open_store(job.settings) as store:
            apply(job.spec, store, now=START)
            drained = drain(job.spec.name, store, now=clock.read, runner=PlainRunner(advance))
            return _count(job, store, drained, _cpu_seconds() - started)
    except CalmopsError as err:
        return Replayed(job.policy, cpu_seconds=_cpu_seconds() - started, failure=str(err))


def _count(job: Job, store: Store, drained: Drained, cpu_seconds: float) -> Replayed:
    query = select(outcomes.c.snapshot_id).where(outcomes.c.pipeline == job.spec.name)
    with store.database.read() as connection:
        ids = list(connection.execute(query).scalars())
    records = [
        found for snapshot_id in ids if (found := decision(store.database, snapshot_id)) is not None
    ]
    # Earlier versions that were looked back at were judged and not fitted.
    tries = [
        attempt
        for record in records
        for attempt in record.attempts
        if attempt.fit_seconds > 0 or attempt.reason.startswith("retrain_failed")
    ]
    versions = registry.versions(store.database, job.spec.name)
    decisions = [outcome.decision for outcome in drained.outcomes]
    return Replayed(
        job.policy,
        fits=len(tries),
        refits=sum(version.judged_artifact is not None for version in versions),
        promotions=sum(attempt.is_chosen for attempt in tries),
        processed=len(drained.outcomes),
        quarantined=len(drained.quarantined),
        deferred=sum(kind == "deferred" for kind in decisions),
        fit_seconds=sum(attempt.fit_seconds for attempt in tries),
        cpu_seconds=cpu_seconds,
    )


def _cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
