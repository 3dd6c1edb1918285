"""How much one server takes on."""

from __future__ import annotations

from dataclasses import dataclass

MEBIBYTE = 2**20


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes and times above which a request is refused.

    Attributes
    ----------
    body_bytes : int
        Largest body.
    rows : int
        Most rows in one request.
    held_bytes : int
        Bodies of all requests together that may lie in memory.
    queue : int
        Requests that may wait for their turn or be worked on.
    seconds : float
        Time from the whole body to the answer.
    body_seconds : float
        Time that a client has to send its body, and to send a request at all.
    stop_seconds : float
        Time that requests have to end when the server is told to stop.
    """

    body_bytes: int = 16 * MEBIBYTE
    rows: int = 100_000
    held_bytes: int = 256 * MEBIBYTE
    queue: int = 1_000
    seconds: float = 30.0
    body_seconds: float = 10.0
    stop_seconds: float = 10.0
