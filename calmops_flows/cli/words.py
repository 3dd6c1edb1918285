"""How outcomes and times read in tables."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from calmops_flows.records import DriftSummary, Outcome

HEADLINES = ("balanced_accuracy", "rmse")
OUTCOME_HEADERS = ("snapshot", "rows", "decision", "champion", "drift", "metric", "at")
_UNITS = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"))


def outcome_cells(outcome: Outcome) -> tuple[object, ...]:
    """Return an outcome's cells under ``OUTCOME_HEADERS``."""
    return (
        outcome.snapshot,
        outcome.rows,
        outcome.decision or outcome.state,
        outcome.champion,
        drift_word(outcome.drift) if outcome.decision else None,
        headline(outcome.metrics),
        short_time(outcome.at),
    )


def drift_word(drift: DriftSummary) -> str:
    """Say a verdict in a word; what could not be tested is never "no"."""
    if drift.alpha is None:
        return "not checked"
    if drift.is_drift is None:
        return "untestable"
    if not drift.is_drift:
        return "no"
    shown = ", ".join(drift.columns[:3]) or "joint"
    return f"yes: {shown}{f' +{len(drift.columns) - 3}' if len(drift.columns) > 3 else ''}"


def headline(metrics: Mapping[str, Mapping[str, float | None] | None]) -> str | None:
    """Return the champion's main metric, else the challenger's, marked as such."""
    for role, mark in (("champion", ""), ("challenger", " (holdout)")):
        scores = metrics.get(role) or {}
        for name in (*HEADLINES, *scores):
            value = scores.get(name)
            if value is not None:
                return f"{name} {value:.4g}{mark}"
    return None


def short_time(at: str | None) -> str | None:
    """Cut an ISO time to minutes, as ``2013-01-31 12:00``."""
    return None if at is None else at[:16].replace("T", " ")


def age(since: str | None, *, now: datetime | None = None) -> str | None:
    """Say how long ago a time was, in its largest unit."""
    if since is None:
        return None
    seconds = ((now or datetime.now(UTC)) - datetime.fromisoformat(since)).total_seconds()
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
