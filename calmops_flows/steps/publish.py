"""Deliver the outbox: after each commit, and whatever earlier runs left behind."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from calmops_flows.steps.runner import Runner
from calmops_flows.store import outbox
from calmops_flows.store.encoding import utc_text
from calmops_flows.store.store import Store

logger = logging.getLogger(__name__)


def publish(store: Store, pipeline: str, runner: Runner, *, now: Callable[[], datetime]) -> None:
    """Deliver what is undelivered; a refusal is kept and tried again by the next run."""
    if runner.sink is None:
        return
    messages = outbox.undelivered(store.database, pipeline)
    if not messages:
        return
    try:
        runner.deliver(messages)
    except OSError as err:
        logger.warning("%d messages of %s not delivered: %s", len(messages), pipeline, err)
        outbox.record_failure(store.database, messages, str(err))
        return
    outbox.acknowledge(store.database, messages, sink=runner.sink, at=utc_text(now()))
