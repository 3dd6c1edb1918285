"""Schedules are refused when they are declared, not by a scheduler that fails in silence."""

from __future__ import annotations

import pytest
from prefect.client.schemas.schedules import CronSchedule, RRuleSchedule

from calmops_flows.errors import SpecError
from calmops_flows.store.pipelines import load_state
from tests.steps.conftest import Stream

GOOD_RULES = [
    "FREQ=DAILY;BYHOUR=6",
    "RRULE:FREQ=WEEKLY;BYDAY=MO,FR",
    "DTSTART:20260101T060000\nRRULE:FREQ=DAILY;COUNT=1",
    "FREQ=DAILY;UNTIL=20300101T000000",
    "FREQ=MONTHLY;BYDAY=-1FR;INTERVAL=2",
]
GOOD_CRONS = ["0 6 * * *", "*/5 8-18 * * mon-fri", "0 0 1,15 * *", "30 4 * 12 7"]


@pytest.mark.parametrize("rule", GOOD_RULES)
def test_rule_that_is_accepted_is_one_that_prefect_can_schedule(stream: Stream, rule: str) -> None:
    stream.declare(triggers={"schedule": {"rrule": rule, "timezone": "Europe/Madrid"}})

    kept = load_state(stream.store.database, "stream").spec.triggers.schedule
    assert kept is not None
    assert kept.rrule == rule
    assert RRuleSchedule(rrule=rule, timezone=kept.timezone).to_rrule()[0] is not None


@pytest.mark.parametrize("cron", GOOD_CRONS)
def test_cron_that_is_accepted_is_one_that_prefect_can_schedule(stream: Stream, cron: str) -> None:
    stream.declare(triggers={"schedule": {"cron": cron}})

    assert CronSchedule(cron=cron).cron == cron


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ({"rrule": "hello"}, "iCalendar rule"),
        ({"rrule": ""}, "iCalendar rule"),
        ({"rrule": "FREQ=FOO"}, "iCalendar rule"),
        ({"rrule": "FREQ=DAILY;BYHOUR=x"}, "iCalendar rule"),
        ({"rrule": "DTSTART:yesterday\nRRULE:FREQ=DAILY"}, "iCalendar rule"),
        ({"rrule": "FREQ=DAILY;INTERVAL=0"}, "at least 1"),
        ({"rrule": "FREQ=DAILY;COUNT=0"}, "at least 1"),
        ({"rrule": "DTSTART:20260101T060000Z\nRRULE:FREQ=DAILY"}, "local times"),
        ({"rrule": "DTSTART;TZID=Europe/Madrid:20260101T060000\nRRULE:FREQ=DAILY"}, "local times"),
        ({"rrule": "FREQ=DAILY;UNTIL=20300101T000000Z"}, "local times"),
        ({"rrule": "FREQ=DAILY", "timezone": "Mars/Olympus"}, "time zone"),
        ({"cron": "61 6 * * *"}, "five fields"),
        ({"cron": "a b c d e"}, "five fields"),
        ({"cron": "0 6 30 2 *"}, "some day meets"),
        ({"cron": "0 6 * *"}, "five fields"),
        ({"interval_seconds": 0}, "greater than 0"),
    ],
)
def test_schedule_that_could_not_run_is_refused(
    stream: Stream, schedule: dict[str, object], message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        stream.declare(triggers={"schedule": schedule})
