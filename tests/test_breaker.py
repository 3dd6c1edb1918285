"""The circuit breaker."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from calmops_flows.breaker import Breaker
from calmops_flows.spec import BreakerSpec

T0 = datetime(2013, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
BACKOFF = timedelta(minutes=120)


def test_open_breaker_refuses_until_backoff_ends() -> None:
    breaker = Breaker.closed().after_failures(3, now=T0)

    assert not breaker.allows(now=T0 + BACKOFF - SECOND)
    assert breaker.allows(now=T0 + BACKOFF)


def test_two_failures_leave_it_closed() -> None:
    breaker = Breaker.closed().after_failures(2, now=T0)

    assert breaker.state == "closed"
    assert breaker.allows(T0)


def test_success_forgets_earlier_failures() -> None:
    breaker = Breaker.closed().after_failures(2, now=T0).after_success()

    assert breaker == Breaker.closed()


def test_failed_half_open_attempt_doubles_the_pause() -> None:
    first = Breaker.closed().after_failures(3, now=T0)
    later = T0 + BACKOFF

    second = first.on_attempt(later).after_failure(now=later)

    assert second.state == "open"
    assert second.trips == 2
    assert second.open_until == later + 2 * BACKOFF


def test_success_after_half_open_starts_with_the_short_pause_again() -> None:
    tripped = Breaker.closed().after_failures(3, now=T0)
    healed = tripped.on_attempt(T0 + BACKOFF).after_success()

    again = healed.after_failures(3, now=T0)

    assert again.open_until == T0 + BACKOFF


def test_pause_is_capped_however_often_it_trips() -> None:
    policy = BreakerSpec(max_failures=1, factor=1e6, max_backoff_minutes=300)
    breaker = Breaker("half_open", failures=9, trips=10_000)

    opened = breaker.after_failure(policy, now=T0)

    assert opened.open_until == T0 + timedelta(minutes=300)


def test_endless_limits_do_not_leave_the_calendar() -> None:
    policy = BreakerSpec(max_failures=1, backoff_minutes=1e300, max_backoff_minutes=1e300)

    opened = Breaker.closed().after_failure(policy, now=T0)

    assert opened.open_until is not None
    assert opened.open_until.year == 2112


def test_attempt_before_the_pause_ends_changes_nothing() -> None:
    breaker = Breaker.closed().after_failures(3, now=T0)

    assert breaker.on_attempt(T0 + SECOND) is breaker


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "null",
        "{}",
        "not json",
        "[" * 100_000,
        '{"state":"closed"}',
        '{"failures":0,"open_until":null,"state":"ajar","trips":0}',
        '{"failures":true,"open_until":null,"state":"closed","trips":0}',
        '{"failures":-1,"open_until":null,"state":"closed","trips":0}',
        '{"failures":0,"open_until":null,"state":["closed"],"trips":0}',
        '{"failures":3,"open_until":"2013-01-01T00:00:00","state":"open","trips":1}',
        '{"failures":3,"open_until":5,"state":"open","trips":1}',
        '{"failures":3,"open_until":"2013-01-01T00:00:00+00:00","state":"closed","trips":1}',
    ],
)
def test_unreadable_state_is_open_until_a_person_resets_it(text: str | None) -> None:
    breaker = Breaker.from_json(text)

    assert breaker == Breaker.unreadable()
    assert not breaker.allows(datetime.max.replace(tzinfo=UTC))
    assert breaker.after_success() == breaker
    assert breaker.after_failure(now=T0) == breaker


@given(
    failures=st.integers(0, 10),
    minutes=st.integers(0, 10**6),
    state=st.sampled_from(["closed", "open", "half_open"]),
)
def test_json_round_trip_keeps_every_state(failures: int, minutes: int, state: str) -> None:
    until = T0 + timedelta(minutes=minutes) if state == "open" else None
    breaker = Breaker(state, failures=failures, trips=1, open_until=until)  # type: ignore[arg-type]

    assert Breaker.from_json(breaker.to_json()) == breaker


class BreakerMachine(RuleBasedStateMachine):
    """Drive a breaker as a pipeline would, beside a model that counts by hand."""

    policy = BreakerSpec(max_failures=2, backoff_minutes=10, factor=3, max_backoff_minutes=50)
    pauses = (10, 30, 50, 50)

    def __init__(self) -> None:
        super().__init__()
        self.now = T0
        self.breaker = Breaker.closed()
        self.in_a_row = 0
        self.trips = 0
        self.refused_until: datetime | None = None
        self.is_trial = False

    @rule(minutes=st.integers(0, 40))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @precondition(lambda self: self.breaker.allows(self.now))
    @rule(succeeds=st.booleans())
    def retrain(self, *, succeeds: bool) -> None:
        self.is_trial = self.trips > 0
        trying = self.breaker.on_attempt(self.now)
        assert trying.state == ("half_open" if self.is_trial else "closed")
        if succeeds:
            self.breaker = trying.after_success()
            self.in_a_row, self.trips, self.refused_until = 0, 0, None
            return
        self.breaker = trying.after_failure(self.policy, now=self.now)
        self.in_a_row += 1
        if self.is_trial or self.in_a_row >= 2:
            pause = self.pauses[min(self.trips, 3)]
            self.refused_until = self.now + timedelta(minutes=pause)
            self.trips += 1

    @rule()
    def restart_the_process(self) -> None:
        self.breaker = Breaker.from_json(self.breaker.to_json())

    @precondition(lambda self: not self.breaker.allows(self.now))
    @rule()
    def score_badly_while_open(self) -> None:
        self.breaker = self.breaker.after_failure(self.policy, now=self.now)

    @invariant()
    def it_refuses_exactly_during_the_pause(self) -> None:
        is_paused = self.refused_until is not None and self.now < self.refused_until
        assert self.breaker.allows(self.now) is not is_paused
        assert self.breaker.trips == self.trips


TestBreakerMachine = BreakerMachine.TestCase
