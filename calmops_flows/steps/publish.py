"""Deliver the outbox: after each commit, and whatever earlier runs left behind."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from calmops_flows.steps.export import EXPORT, FAILURES, export
from calmops_flows.steps.runner import Runner
from calmops_flows.store import outbox
from calmops_flows.store.encoding import utc_text
from calmops_flows.store.outbox import Message
from calmops_flows.store.store import Store

logger = logging.getLogger(__name__)


def publish(store: Store, pipeline: str, runner: Runner, *, now: Callable[[], datetime]) -> None:
    """Deliver what is undelivered; a refusal is kept and tried again by the next run."""
    messages = outbox.undelivered(store.database, pipeline)
    for message in messages:
        if message.kind == EXPORT:
            _export(store, pipeline, message, now=now)
    _post(store, pipeline, runner, messages, now=now)
    if runner.notifier is not None:
        runner.notifier.tell([m for m in messages if m.kind == outbox.NOTIFICATION])
        note_heard(store, pipeline, runner, now=now, wait=False)


def note_heard(
    store: Store,
    pipeline: str,
    runner: Runner,
    *,
    now: Callable[[], datetime],
    wait: bool,
) -> None:
    """Keep which notifications have arrived, and why others have not."""
    if runner.notifier is None:
        return
    for message, failure in runner.notifier.heard(wait=wait):
        if failure is None:
            outbox.acknowledge(store.database, [message], sink="notification", at=utc_text(now()))
            continue
        logger.warning("a notification of %s not delivered: %s", pipeline, failure)
        outbox.record_failure(store.database, [message], failure)


def _post(
    store: Store,
    pipeline: str,
    runner: Runner,
    messages: list[Message],
    *,
    now: Callable[[], datetime],
) -> None:
    told = [m for m in messages if m.kind not in {EXPORT, outbox.NOTIFICATION}]
    if runner.sink is None or not told:
        return
    try:
        runner.deliver(told)
    except OSError as err:
        logger.warning("%d messages of %s not delivered: %s", len(told), pipeline, err)
        outbox.record_failure(store.database, told, str(err))
        return
    outbox.acknowledge(store.database, told, sink=runner.sink, at=utc_text(now()))


def _export(store: Store, pipeline: str, message: Message, *, now: Callable[[], datetime]) -> None:
    """Write one file; what refuses it holds nothing else up."""
    try:
        export(store, message)
    except FAILURES as err:
        logger.warning("predictions of %s not written: %s", pipeline, err)
        outbox.record_failure(store.database, [message], str(err))
        return
    outbox.acknowledge(store.database, [message], sink="export", at=utc_text(now()))
