"""What wakes a run, and how long its artifacts are kept."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from calmops_flows.spec.base import Part

# What a person may want to hear of: the events' names without `calmops.`.
NotifyEvent = Literal[
    "circuit.closed",
    "circuit.opened",
    "model.promoted",
    "model.rolled_back",
    "snapshot.drifted",
    "snapshot.processed",
    "snapshot.quarantined",
]
# As Prefect's `Block.load` takes it: slug of the type, name of the block.
NotifyBlock = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}/[a-z0-9-]{1,64}$")]


class ScheduleSpec(Part):
    """One schedule: exactly one of cron, interval or rrule."""

    cron: str | None = None
    """Five-field cron expression."""
    interval_seconds: float | None = Field(None, gt=0)
    """Seconds between runs."""
    rrule: str | None = None
    """iCalendar recurrence rule."""
    timezone: str = "UTC"
    """IANA time zone of cron and rrule."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [v for v in (self.cron, self.interval_seconds, self.rrule) if v is not None]
        if len(given) != 1:
            raise ValueError("give exactly one of cron, interval_seconds and rrule")
        return self

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, name: str) -> str:
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as err:
            raise ValueError("is not an IANA time zone") from err
        return name

    @field_validator("cron")
    @classmethod
    def _cron_has_five_fields(cls, cron: str | None) -> str | None:
        if cron is not None and len(cron.split()) != 5:
            raise ValueError("must have five fields")
        return cron


class TriggersSpec(Part):
    """What wakes a run."""

    file_arrival: bool = True
    """An event per settled file."""
    schedule: ScheduleSpec | None = None
    """A schedule of its own; without one the safety net of five minutes stays."""


class RetentionLimit(Part):
    """How much of one kind of artifact is kept."""

    count: int | None = Field(None, ge=0)
    """At most so many."""
    days: float | None = Field(None, ge=0)
    """None older than this."""
    bytes: int | None = Field(None, ge=0)
    """At most so many bytes together."""


class RetentionSpec(Part):
    """How long artifacts are kept, by kind."""

    snapshots: RetentionLimit | None = None
    """Parquet copies of the data."""
    predictions: RetentionLimit | None = None
    """Predictions."""
    candidates: RetentionLimit | None = None
    """Rejected challengers."""
    profiles: RetentionLimit | None = None
    """Profiles."""
