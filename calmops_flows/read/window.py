"""Which part of a pipeline's past is looked at."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from calmops_flows.errors import SpecError
from calmops_flows.records import Role, SnapshotState
from calmops_flows.store.tables import outcomes, snapshots

if TYPE_CHECKING:
    from sqlalchemy import Select

MOST = 2000
_COUNT = re.compile(r"^[1-9][0-9]{0,4}$")
_DAYS = re.compile(r"^([1-9][0-9]{0,3})d$")


@dataclass(frozen=True, slots=True)
class Window:
    """The newest snapshots, those of the last days, or those between two dates.

    Attributes
    ----------
    last : int
        At most so many snapshots, the newest ones.
    days : int or None
        None older than this.
    since, until : date or None
        First and last day, in UTC.
    """

    last: int = MOST
    days: int | None = None
    since: date | None = None
    until: date | None = None

    @classmethod
    def parse(cls, text: str) -> Window:
        """Read a window as an address holds it.

        Parameters
        ----------
        text : str
            ``100`` (snapshots), ``7d`` (days), ``2024-01-01..2024-01-31``, or ``all``.

        Raises
        ------
        SpecError
            If it is none of these.

        Examples
        --------
        >>> Window.parse("30").last, Window.parse("7d").days
        (30, 7)
        >>> str(Window.parse("2024-01-01..2024-01-31"))
        '2024-01-01..2024-01-31'
        """
        if text == "all":
            return cls()
        if _COUNT.match(text):
            return cls(last=min(int(text), MOST))
        if found := _DAYS.match(text):
            return cls(days=int(found.group(1)))
        try:
            since, until = (date.fromisoformat(part) for part in text.split(".."))
        except ValueError:
            raise SpecError(
                "a range must be a number of snapshots such as 100, days such as 7d, two dates "
                f"such as 2024-01-01..2024-01-31, or all; got {text[:60]!r}"
            ) from None
        return cls(since=since, until=until)

    def __str__(self) -> str:
        """Write the window as `parse` reads it."""
        if self.since and self.until:
            return f"{self.since}..{self.until}"
        if self.days is not None:
            return f"{self.days}d"
        return "all" if self.last == MOST else str(self.last)

    def bounds(self, now: datetime) -> tuple[str | None, str | None]:
        """Return the first moment and the one after the last, as the store writes times."""
        if self.days is not None:
            return _text(now - timedelta(days=self.days)), None
        since = None if self.since is None else _text(_midnight(self.since))
        until = None if self.until is None else _text(_midnight(self.until + timedelta(days=1)))
        return since, until


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def chosen(name: str, window: Window, now: datetime, *, decided: bool = False) -> Select[Any]:
    """Select the ids of a pipeline's data snapshots in a window, the newest first.

    Parameters
    ----------
    name : str
        Name of the pipeline.
    window : Window
        Which part of its past.
    now : datetime
        End of a window of days.
    decided : bool, default False
        Leave out what has no outcome.
    """
    at = outcomes.c.at if decided else snapshots.c.discovered_at
    source = snapshots.join(outcomes, outcomes.c.snapshot_id == snapshots.c.id, isouter=not decided)
    query = (
        select(snapshots.c.id)
        .select_from(source)
        .where(
            snapshots.c.pipeline == name,
            snapshots.c.role == Role.DATA,
            snapshots.c.state != SnapshotState.DUPLICATE,
        )
        .order_by(snapshots.c.sequence.desc())
        .limit(window.last)
    )
    since, until = window.bounds(now)
    if since is not None:
        query = query.where(at >= since)
    return query if until is None else query.where(at < until)
