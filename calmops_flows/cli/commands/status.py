"""``calmops status``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calmops_flows.cli.options import Json, Name

if TYPE_CHECKING:
    from calmops_flows.read import (
        BreakerView,
        CoverageView,
        LeaseView,
        MetricView,
        PipelineView,
        StatusView,
    )


def status(name: Name, json: Json = False) -> None:
    """Show the state of a pipeline, and what to do next."""
    from calmops_flows.cli.output import emit_json, say, say_facts
    from calmops_flows.read import status as read_status
    from calmops_flows.store.store import open_store

    with open_store(create=False) as store:
        view = read_status(store, name)
    if json:
        emit_json(view.to_dict())
        return
    say_facts([*_line(view.pipeline), *_details(view)])
    for entry in view.quarantined:
        say(f"  quarantined {entry.snapshot}: {entry.reason}")
    for step in view.next_steps:
        say(f"Next: {step}")


def _line(view: PipelineView) -> list[tuple[str, object]]:
    from calmops_flows.cli.words import age, short_time

    last, metric = view.last, view.metric
    champion = None
    if view.champion is not None:
        champion = f"version {view.champion}, {age(view.champion_since)} old"
    counts = ", ".join(f"{number} {state}" for state, number in view.counts.items() if number)
    return [
        ("pipeline", f"{view.name} ({view.kind})"),
        ("health", view.health),
        ("champion", champion),
        ("metric", _metric(metric)),
        ("snapshots", counts or "none yet"),
        ("last", f"{last.snapshot}: {last.decision} at {short_time(last.at)}" if last else None),
    ]


def _metric(metric: MetricView | None) -> str | None:
    if metric is None:
        return None
    value = "undefined" if metric.value is None else f"{metric.value:.4g}"
    if metric.lower is not None and metric.upper is not None:
        value += f" ({metric.lower:.4g} to {metric.upper:.4g})"
    return f"{metric.name} {value} on the {metric.basis}"


def _details(view: StatusView) -> list[tuple[str, object]]:
    return [
        ("breaker", _breaker(view.circuit)),
        ("running", _lease(view.lease)),
        ("versions", view.versions),
        ("spec", f"revision {view.spec_revision}"),
        ("deferred", view.deferred),
        ("labels", _labels(view.labels)),
        ("messages", f"{view.outbox_waiting} waiting to be delivered"),
        ("last run", view.last_run_id),
    ]


def _labels(view: CoverageView | None) -> str | None:
    if view is None:
        return None
    clash = f", {view.contradictions:,} contradicted" if view.contradictions else ""
    return f"{view.labelled:,} of {view.rows:,} rows labelled later, by {view.files} files{clash}"


def _breaker(view: BreakerView) -> str:
    until = f", until {view.open_until}" if view.open_until else ""
    return f"{view.state} ({view.failures} failures in a row{until})"


def _lease(view: LeaseView | None) -> str:
    if view is None:
        return "no"
    return f"{'yes' if view.is_held else 'no, its lease expired'}: {view.owner}, {view.expires_at}"
