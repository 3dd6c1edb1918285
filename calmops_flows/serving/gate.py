"""A bounded queue before one thread that predicts."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from calmops_flows.serving.problems import RequestError

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from calmops_flows.serving.limits import Limits

T = TypeVar("T")
BUSY = {"Retry-After": "1"}


class Gate:
    """Lets work in one by one, and turns away what would wait too long.

    One thread, because predictions hold the interpreter's lock anyway and libraries' warnings are
    caught process-wide.

    Parameters
    ----------
    limits : Limits
        Length of the queue and time for an answer.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="predict")
        self.waiting = 0
        self._is_held = False

    @property
    def is_busy(self) -> bool:
        """Whether something waits, or the server has work of its own to do in its turn."""
        return self.waiting > 0 or self._is_held

    async def run(self, work: Callable[[], T]) -> T:
        """Do work in its turn, and return what it returns.

        Raises
        ------
        RequestError
            503 if the queue is full, or the time is up.
        """
        if self.waiting >= self._limits.queue:
            raise RequestError(
                503,
                "busy",
                f"{self._limits.queue} requests wait already; try again later",
                headers=BUSY,
            )
        loop = asyncio.get_running_loop()
        self.waiting += 1
        future: Future[T] = self._pool.submit(work)
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(self._left))
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), self._limits.seconds)
        except TimeoutError as err:
            raise RequestError(
                503,
                "timeout",
                f"no answer within {self._limits.seconds:g} s; send fewer rows at once",
                headers=BUSY,
            ) from err

    def in_turn(self, work: Callable[[], None]) -> None:
        """Do work of the server itself in its turn; for one other thread than the loop's.

        Answers given on the loop meanwhile would keep the interpreter's lock from it.
        """
        self._is_held = True
        try:
            self._pool.submit(work).result()
        finally:
            self._is_held = False

    def close(self) -> None:
        """Wait for the work at hand; nothing new is let in."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _left(self) -> None:
        self.waiting -= 1
