"""How long to wait after failures."""

from __future__ import annotations

from dataclasses import dataclass

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Backoff:
    """Failures in a row, and what they cost; each doubles the wait up to a minute.

    Examples
    --------
    >>> Backoff().failed().seconds, Backoff(3).seconds, Backoff(50).seconds
    (1.0, 4.0, 60.0)
    """

    failures: int = 0

    @property
    def seconds(self) -> float:
        """Seconds to wait before the next try; 0 when nothing has failed."""
        if not self.failures:
            return 0.0
        return float(min(FIRST_SECONDS * 2 ** min(self.failures - 1, 10), LONGEST_SECONDS))

    def failed(self) -> Backoff:
        """Count one more failure."""
        return Backoff(self.failures + 1)
