"""Refuse schedules over which Prefect's scheduler would fail in silence."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

from cronsim import CronSim, CronSimError
from dateutil.rrule import rrulestr  # type: ignore[import-untyped]

from calmops_flows.errors import SpecError

if TYPE_CHECKING:
    from calmops_flows.spec import PipelineSpec

_START = datetime(2020, 1, 1)  # noqa: DTZ001 - rules without DTSTART count from here, as in Prefect
# Prefect takes every time of a rule as local to `timezone`, whatever zone it names itself.
_ZONED = re.compile(r"TZID=|\d{8}T\d{6}Z", re.IGNORECASE)
_STANDS_STILL = re.compile(r"\b(?:INTERVAL|COUNT)=0+\b", re.IGNORECASE)


def check_schedule(spec: PipelineSpec) -> None:
    """Refuse a cron expression or recurrence rule that means nothing.

    Raises
    ------
    SpecError
        If it cannot be read, never comes, or names a time zone of its own.
    """
    schedule = spec.triggers.schedule
    if schedule is None:
        return
    if schedule.cron is not None:
        _check_cron(schedule.cron)
    if schedule.rrule is not None:
        _check_rrule(schedule.rrule)


def _check_cron(cron: str) -> None:
    try:
        next(CronSim(cron, _START))
    except (CronSimError, StopIteration) as err:
        raise SpecError(
            f"triggers.schedule.cron must be five fields (minute, hour, day of month, month, day "
            f"of week) that some day meets, got {cron!r}: {err}"
        ) from err


def _check_rrule(rule: str) -> None:
    if _ZONED.search(rule):
        raise SpecError(
            "triggers.schedule.rrule must hold local times, without TZID and without Z, such as "
            f"DTSTART:20260101T060000; their zone is triggers.schedule.timezone, got {rule!r}"
        )
    if _STANDS_STILL.search(rule):
        raise SpecError(
            f"triggers.schedule.rrule needs INTERVAL and COUNT of at least 1, got {rule!r}"
        )
    try:
        rrulestr(rule, dtstart=_START)
    except (ValueError, TypeError, KeyError, AttributeError) as err:
        raise SpecError(
            "triggers.schedule.rrule must be an iCalendar rule (RFC 5545) such as "
            f"FREQ=WEEKLY;BYDAY=MO;BYHOUR=6, got {rule!r}: {err}"
        ) from err
