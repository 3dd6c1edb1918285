"""HTTP connections that end when their client stays silent."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


def protocol(silent_seconds: float) -> type[asyncio.Protocol]:
    """Return uvicorn's protocol with a bound on the wait for a request's head.

    Parameters
    ----------
    silent_seconds : float
        Time that a new connection has to send the head of its first request.
    """

    class Bounded(HttpToolsProtocol):
        """Closes connections that never ask anything."""

        def connection_made(self, transport: Any) -> None:
            """Start the clock of a new connection."""
            super().connection_made(transport)
            self.silence = self.loop.call_later(silent_seconds, self._give_up)

        def connection_lost(self, exc: Exception | None) -> None:
            """Stop the clock."""
            self.silence.cancel()
            super().connection_lost(exc)

        def _give_up(self) -> None:
            asked: object = self.cycle  # uvicorn's types leave out that there may be none
            if asked is None and not self.transport.is_closing():
                self.transport.close()

    return Bounded
