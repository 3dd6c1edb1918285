"""Schedules of the historical system as schedules of a spec."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from calmops_flows.errors import SpecError

_SECONDS = {"weeks": 604_800, "days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}
_CRON = ("minute", "hour", "day", "month", "day_of_week")
_IPIP_MINUTES = 5  # the historical default of an interval without numbers


def schedule(value: Mapping[str, Any], zone: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Translate ``{"type": interval|cron|date, "params": {...}}``.

    Parameters
    ----------
    value : mapping
        The historical schedule.
    zone : str
        IANA time zone that it ran in.

    Returns
    -------
    part : dict
        Values of ``triggers.schedule``; empty when nothing can be carried over.
    left : dict
        Reason by parameter, for those that could not be.

    Raises
    ------
    SpecError
        If the type is unknown.

    Examples
    --------
    >>> schedule({"type": "interval", "params": {"hours": 2, "jitter": 10}}, "UTC")[0]
    {'interval_seconds': 7200.0, 'timezone': 'UTC'}
    >>> schedule({"type": "cron", "params": {"hour": 3, "day_of_week": "mon"}}, "UTC")[0]
    {'cron': '0 3 * * mon', 'timezone': 'UTC'}
    """
    kinds = {"interval": _interval, "cron": _cron, "date": _date}
    kind = value.get("type")
    if kind not in kinds:
        raise SpecError(f"schedule type must be one of {sorted(kinds)}, got {kind!r}")
    params = dict(value.get("params") or {})
    zone = str(params.pop("timezone", zone))
    left = {}
    if params.pop("jitter", None):
        left["jitter"] = "schedules have none; runs that meet take turns by their lease"
    part = kinds[kind](params, left)
    left.update(dict.fromkeys(params, "has no counterpart"))
    return ({**part, "timezone": zone} if part else {}), left


def _interval(params: dict[str, Any], left: dict[str, str]) -> dict[str, Any]:
    seconds = sum(float(params.pop(unit, 0) or 0) * size for unit, size in _SECONDS.items())
    for bound in ("start_date", "end_date"):
        if params.pop(bound, None):
            left[bound] = "the schedule starts when it is deployed, and has no end"
    return {"interval_seconds": seconds or _IPIP_MINUTES * 60.0}


def _cron(params: dict[str, Any], left: dict[str, str]) -> dict[str, Any]:
    if str(params.pop("second", 0)) != "0":
        left["second"] = "schedules have minutes at the finest"
    fields, finer = [], False
    for name in reversed(_CRON):
        given = params.pop(name, None)
        # APScheduler: fields finer than the finest given one start at their least value.
        finer = finer or given is not None
        least = {"day": "1", "month": "1"}.get(name, "0")
        default = "*" if name == "day_of_week" or not finer else least
        fields.append(str(given) if given is not None else default)
    minute, hour, day, month, weekday = reversed(fields)
    if weekday != "*" and day == "1":
        day = month = "*"
    return {"cron": f"{minute} {hour} {day} {month} {_weekday(weekday)}"}


def _weekday(given: str) -> str:
    """APScheduler counts weekdays from Monday, cron from Sunday."""
    parts = []
    for part in given.split(","):
        ends = [str((int(end) + 1) % 7) if end.isdigit() else end for end in part.split("-")]
        parts.append("-".join(ends))
    return ",".join(parts)


def _date(params: dict[str, Any], left: dict[str, str]) -> dict[str, Any]:
    moment = params.pop("run_date", None)
    try:
        at = datetime.fromisoformat(str(moment))
    except ValueError:
        left["run_date"] = f"is no date: {moment!r}"
        return {}
    return {"rrule": f"DTSTART:{at:%Y%m%dT%H%M%S}\nRRULE:FREQ=DAILY;COUNT=1"}
