"""The next run of a schedule; expected moments by hand from the calendar."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from calmops_flows.read.next_run import next_run
from calmops_flows.read.recent import recent
from calmops_flows.store import Store
from tests.read.seed import Seed

NOON = datetime(2026, 3, 28, 12, tzinfo=UTC)  # a Saturday; Berlin's clocks change the day after


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ({"cron": "0 6 * * *"}, "2026-03-29T06:00"),
        ({"cron": "0 6 * * *", "timezone": "Europe/Berlin"}, "2026-03-29T04:00"),
        ({"cron": "*/15 * * * *"}, "2026-03-28T12:15"),
        ({"rrule": "FREQ=WEEKLY;BYDAY=MO;BYHOUR=6"}, "2026-03-30T06:00"),
        ({"rrule": "FREQ=DAILY;BYHOUR=6", "timezone": "America/New_York"}, "2026-03-29T10:00"),
    ],
)
def test_next_moment_of_a_schedule(schedule: dict[str, Any], expected: str) -> None:
    found = next_run(schedule, NOON)

    assert found is not None
    assert found.isoformat().startswith(expected)


@pytest.mark.parametrize(
    "schedule",
    [
        {"interval_seconds": 60.0},
        {"rrule": "FREQ=DAILY;UNTIL=20210101T000000"},
        {"cron": "no cron"},
        {"rrule": "no rule"},
        {"cron": "0 6 * * *", "timezone": "Nowhere/City"},
        {},
    ],
)
def test_what_has_no_known_moment_has_none(schedule: dict[str, Any]) -> None:
    assert next_run(schedule, NOON) is None


def test_overview_names_the_next_run(store: Store) -> None:
    triggers = {"schedule": {"cron": "0 6 * * *", "timezone": "Europe/Berlin"}}
    Seed(store, spec={"triggers": triggers}).end()

    (found,) = recent(store, now=NOON).values()

    assert found.wakes == ("2026-03-29 04:00, when a file arrives, cron 0 6 * * * (Europe/Berlin)")
