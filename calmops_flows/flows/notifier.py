"""Tell people through Prefect's notification blocks, beside the work and never in its way."""

from __future__ import annotations

import contextvars
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from calmops_flows.errors import CalmopsError
from calmops_flows.flows.notice import send

if TYPE_CHECKING:
    from calmops_flows.store.outbox import Message

PATIENCE_SECONDS = 10.0
_THREAD = "calmops-notify"
# They write the addresses that they post to, and a webhook's address is a secret.
_TALKATIVE = (
    "apprise",
    "httpcore.connection",
    "httpcore.http11",
    "httpx",
    "urllib3.connectionpool",
)
Heard = tuple["Message", str | None]


@dataclass(slots=True)
class _Line:
    """What goes to one block, in order, in a thread of its own.

    After a failure nothing more is tried: the next run does.
    """

    deliver: Callable[[Message], None]
    waiting: queue.SimpleQueue[Message | None] = field(default_factory=queue.SimpleQueue)
    ended: queue.SimpleQueue[Heard] = field(default_factory=queue.SimpleQueue)
    under_way: Message | None = None
    is_broken: bool = False
    open_count: int = 0

    def start(self) -> None:
        """Begin; the thread ends with the process, also while a block hangs."""
        # Prefect's settings live in the context.
        context = contextvars.copy_context()
        for name in _TALKATIVE:
            logging.getLogger(name).addFilter(_is_not_ours)  # the same one again changes nothing
        threading.Thread(target=context.run, args=(self._work,), name=_THREAD, daemon=True).start()

    def _work(self) -> None:
        while not self.is_broken:
            message = self.waiting.get()
            if message is None:
                return
            self.under_way = message
            try:
                self.deliver(message)
            # A block is foreign code and may raise anything; its text may hold its URL.
            except Exception as err:  # noqa: BLE001
                self.ended.put((message, f"{message.payload['block']}: {_words(err)}"))
                self.is_broken = True
            else:
                self.ended.put((message, None))
            self.under_way = None


@dataclass(slots=True)
class BlockNotifier:
    """Delivers notifications to blocks, one thread for each block.

    Attributes
    ----------
    pipeline : str
        Whose notifications they are.
    run_id : str, optional
        The flow run that they link to.
    patience_seconds : float
        How long the end of a run waits for all blocks together; who has not answered then
        counts as failed, and what was not tried waits for the next run.
    """

    pipeline: str
    run_id: str | None = None
    patience_seconds: float = PATIENCE_SECONDS
    _lines: dict[str, _Line] = field(default_factory=dict)
    _known: set[str] = field(default_factory=set)

    def tell(self, messages: Sequence[Message]) -> None:
        """Hand notifications to their blocks' threads; one that was handed over is left alone."""
        for message in messages:
            if message.id in self._known:
                continue
            self._known.add(message.id)
            line = self._line(str(message.payload["block"]))
            if not line.is_broken:
                line.open_count += 1
                line.waiting.put(message)

    def heard(self, *, wait: bool) -> list[Heard]:
        """Return what has ended, each with its failure or None.

        ``wait`` waits for those that are under way, at most the patience in all.
        """
        heard: list[Heard] = []
        deadline = time.monotonic() + self.patience_seconds if wait else None
        for block, line in list(self._lines.items()):
            heard.extend(self._ended(block, line, deadline))
            if wait and not line.is_broken:
                line.waiting.put(None)  # its thread ends; a broken line stays to be remembered
                del self._lines[block]
        return heard

    def _line(self, block: str) -> _Line:
        if block not in self._lines:
            line = _Line(lambda message: send(message, self.pipeline, self.run_id))
            self._lines[block] = line
            line.start()
        return self._lines[block]

    def _ended(self, block: str, line: _Line, deadline: float | None) -> list[Heard]:
        found: list[Heard] = []
        while line.open_count:
            left = 0.0 if deadline is None else max(0.0, deadline - time.monotonic())
            try:
                one = line.ended.get(block=left > 0, timeout=left or None)
            except queue.Empty:
                hanging = line.under_way if deadline is not None else None
                if hanging is not None:
                    line.is_broken = True
                    found.append((hanging, f"{block}: no answer for {self.patience_seconds:g} s"))
                break
            found.append(one)
            line.open_count -= 1
            if one[1] is not None:
                break  # what is behind it is not tried
        if line.is_broken:
            line.open_count = 0
        return found


def _is_not_ours(_record: logging.LogRecord) -> bool:
    """Drop what libraries log in a notifier's thread; its failures are told without addresses."""
    return threading.current_thread().name != _THREAD


def _words(err: Exception) -> str:
    """Say what failed; a foreign error's own text may hold an address with its secret."""
    return str(err) if isinstance(err, CalmopsError) else type(err).__name__
