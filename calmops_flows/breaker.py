"""The circuit breaker: a pure state machine over failures and an injected clock."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from calmops_flows.spec import BreakerSpec

State = Literal["closed", "open", "half_open"]
_FIELDS = {"state", "failures", "trips", "open_until"}
_LONGEST_MINUTES = 60.0 * 24 * 365 * 100  # a century keeps dates within datetime's range


@dataclass(frozen=True, slots=True)
class Breaker:
    """Whether retraining may be tried, and since how many failures.

    Parameters
    ----------
    state : {"closed", "open", "half_open"}
        Closed: retraining goes on. Open: it pauses. Half-open: one attempt decides.
    failures : int
        Consecutive failures so far.
    trips : int
        Times it opened since it was last closed by a success.
    open_until : datetime or None
        Time-zone aware end of the pause. None while open means: until a person closes it.

    Examples
    --------
    >>> from datetime import datetime, timedelta, timezone
    >>> noon = datetime(2013, 1, 1, 12, tzinfo=timezone.utc)
    >>> breaker = Breaker.closed().after_failures(3, now=noon)
    >>> breaker.state, breaker.allows(noon + timedelta(minutes=119))
    ('open', False)
    >>> breaker.on_attempt(noon + timedelta(minutes=120)).after_success().state
    'closed'
    """

    state: State
    failures: int = 0
    trips: int = 0
    open_until: datetime | None = None

    @classmethod
    def closed(cls) -> Breaker:
        """Return a breaker that has seen no failure."""
        return cls("closed")

    @classmethod
    def unreadable(cls) -> Breaker:
        """Return the safe stand-in for a state that cannot be read: open without end."""
        return cls("open")

    def allows(self, now: datetime) -> bool:
        """Tell whether a retraining may start now.

        A half-open breaker allows: its one attempt may have been killed, and the
        pipeline's lease keeps a second one away.
        """
        if self.state != "open":
            return True
        return self.open_until is not None and now >= self.open_until

    def on_attempt(self, now: datetime) -> Breaker:
        """Become half-open if the pause is over; else stay as it is."""
        if self.state == "open" and self.allows(now):
            return replace(self, state="half_open", open_until=None)
        return self

    def after_success(self) -> Breaker:
        """Close after a success; an open breaker has made no attempt and stays open."""
        return self if self.state == "open" else Breaker.closed()

    def after_failure(self, policy: BreakerSpec | None = None, *, now: datetime) -> Breaker:
        """Count a failure, and open when there were too many or the one attempt failed.

        Parameters
        ----------
        policy : BreakerSpec, optional
            Limits; the default ones when left out.
        now : datetime
            Time-zone aware time of the failure.

        Returns
        -------
        Breaker
            The next state. An open breaker stays as it is.
        """
        policy = policy or BreakerSpec()
        if self.state == "open":
            return self
        failures = self.failures + 1
        if self.state == "closed" and failures < policy.max_failures:
            return replace(self, failures=failures)
        until = now + _pause(policy, self.trips)
        return Breaker("open", failures=failures, trips=self.trips + 1, open_until=until)

    def after_failures(
        self, n: int, policy: BreakerSpec | None = None, *, now: datetime
    ) -> Breaker:
        """Count ``n`` failures at the same time."""
        breaker = self
        for _ in range(n):
            breaker = breaker.after_failure(policy, now=now)
        return breaker

    def to_json(self) -> str:
        """Return the canonical JSON text that the store keeps."""
        until = self.open_until.isoformat() if self.open_until else None
        values = {
            "state": self.state,
            "failures": self.failures,
            "trips": self.trips,
            "open_until": until,
        }
        return json.dumps(values, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | None) -> Breaker:
        """Read what `to_json` wrote; anything else is `unreadable`."""
        try:
            return _checked(json.loads(text or ""))
        except (ValueError, TypeError, RecursionError):
            return cls.unreadable()


def _pause(policy: BreakerSpec, trips: int) -> timedelta:
    """Return backoff * factor^trips, capped, without overflow."""
    longest = min(policy.max_backoff_minutes, _LONGEST_MINUTES)
    log_minutes = math.log(policy.backoff_minutes) + trips * math.log(policy.factor)
    if log_minutes >= math.log(longest):
        return timedelta(minutes=longest)
    return timedelta(minutes=policy.backoff_minutes * policy.factor**trips)


def _checked(values: Any) -> Breaker:
    """Build a breaker from decoded JSON, or raise ValueError."""
    if not isinstance(values, dict) or set(values) != _FIELDS:
        raise ValueError("fields")
    counts = (values["failures"], values["trips"])
    if any(type(count) is not int or count < 0 for count in counts):
        raise ValueError("counts")
    state, until = values["state"], values["open_until"]
    if state not in get_args(State) or (until is not None and state != "open"):
        raise ValueError("state")
    end = None if until is None else datetime.fromisoformat(until)
    if end is not None and end.tzinfo is None:
        raise ValueError("time zone")
    return Breaker(state, failures=counts[0], trips=counts[1], open_until=end)
