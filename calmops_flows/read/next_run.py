"""When a schedule starts the next run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping

_FIRST = datetime(2020, 1, 1)  # noqa: DTZ001 - rules without DTSTART count from here, as in Prefect


def next_run(schedule: Mapping[str, Any], now: datetime) -> datetime | None:
    """Return the next moment of a stored schedule, in UTC.

    Parameters
    ----------
    schedule : mapping
        ``triggers.schedule`` of a spec, as plain values.
    now : datetime
        Time-zone aware.

    Returns
    -------
    datetime or None
        None for an interval, which counts from the moment of its deployment, for a rule that has
        ended, and for one that cannot be read.

    Examples
    --------
    >>> now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    >>> next_run({"cron": "30 6 * * *", "timezone": "Europe/Berlin"}, now).isoformat()
    '2026-01-02T05:30:00+00:00'
    """
    try:
        zone = ZoneInfo(schedule.get("timezone") or "UTC")
        if schedule.get("cron"):
            return _of_cron(schedule["cron"], now.astimezone(zone))
        if schedule.get("rrule"):
            return _of_rule(schedule["rrule"], now, zone)
    except (ZoneInfoNotFoundError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return None


def _of_cron(text: str, now: datetime) -> datetime | None:
    from cronsim import CronSim, CronSimError

    try:
        return next(CronSim(text, now)).astimezone(UTC)
    except (CronSimError, StopIteration):
        return None


def _of_rule(text: str, now: datetime, zone: ZoneInfo) -> datetime | None:
    from dateutil.rrule import rrulestr  # type: ignore[import-untyped]

    local = now.astimezone(zone).replace(tzinfo=None)
    found = rrulestr(text, dtstart=_FIRST).after(local)
    return None if found is None else found.replace(tzinfo=zone).astimezone(UTC)
