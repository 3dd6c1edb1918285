"""The words of a notification, and the block that sends them."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any, cast

from prefect.blocks.abstract import NotificationBlock
from prefect.blocks.core import Block

from calmops_flows.errors import NotFoundError, SpecError
from calmops_flows.flows.detect import run_link

if TYPE_CHECKING:
    from collections.abc import Mapping

    from calmops_flows.store.outbox import Message

SHOWN = ("snapshot", "decision", "reason", "champion", "before", "failures")
_LONGEST = 300
# Angle brackets are mentions and links in Slack's format; a file's name must not make one.
_BRACKETS = {ord("<"): "\u2039", ord(">"): "\u203a"}


def send(message: Message, pipeline: str, run_id: str | None = None) -> None:
    """Send one notification through its Prefect block.

    Raises
    ------
    NotFoundError
        If there is no such block.
    SpecError
        If it cannot notify.
    Exception
        Whatever the block raises.
    """
    name = str(message.payload["block"])
    try:
        # A coroutine only where there is a running loop; the notifier's threads have none.
        block = cast("Block", Block.load(name))
    except ValueError as err:
        raise NotFoundError(
            f"the Prefect server has no block {name!r}; save it there, or change notify"
        ) from err
    if not isinstance(block, NotificationBlock):
        raise SpecError(f"block {name!r} cannot notify; name a notification block in notify")
    with block.raise_on_failure():
        # Synchronous without a running loop, whatever its type says.
        cast("Any", block).notify(body(message, pipeline, run_id), subject(message, pipeline))


def subject(message: Message, pipeline: str) -> str:
    """Return the line above a notification.

    Examples
    --------
    >>> from calmops_flows.store.outbox import Message
    >>> told = {"event": "calmops.circuit.opened", "block": "slack-webhook/ops", "about": {}}
    >>> subject(Message("1", "calmops.notification", told, ""), "flights")
    'CalmOps: circuit opened in flights'
    """
    what = str(message.payload["event"]).removeprefix("calmops.").replace(".", " ")
    return f"CalmOps: {what.replace('_', ' ')} in {pipeline}"


def body(message: Message, pipeline: str, run_id: str | None = None) -> str:
    """Return the text: what happened to which snapshot, and the id that repetitions share.

    Reasons name columns, lines and numbers, never values of the user's rows.
    """
    about: Mapping[str, Any] = message.payload["about"]
    lines = [f"pipeline: {pipeline}"]
    lines += [f"{key}: {plain(about[key])}" for key in SHOWN if about.get(key) is not None]
    link = run_link(run_id)
    if link is not None:
        lines.append(f"run: {link}")
    return "\n".join([*lines, f"at: {message.created_at}", f"id: {message.id}"])


def plain(value: object) -> str:
    r"""Return a text in one line, without what a mail or chat program would act on.

    Examples
    --------
    >>> plain("a\nb <!channel>")
    'a b \u2039!channel\u203a'
    """
    text = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in str(value))
    return text.translate(_BRACKETS)[:_LONGEST]
