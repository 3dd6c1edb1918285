"""``calmops status``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calmops_flows.cli.options import Json, Name

if TYPE_CHECKING:
    from calmops_flows.flows.deployment_view import DeploymentView
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
    from calmops_flows.flows.deployment_view import deployment_view
    from calmops_flows.read import status as read_status
    from calmops_flows.store.store import open_store

    with open_store(create=False) as store:
        view = read_status(store, name)
    prefect = deployment_view(name, view.pipeline.kind, view.last_run_id)
    if json:
        emit_json({**view.to_dict(), "prefect": prefect.to_dict()})
        return
    say_facts([*_line(view.pipeline), *_details(view), *_prefect(prefect, view.last_run_id)])
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
        ("messages", _messages(view)),
    ]


def _messages(view: StatusView) -> str:
    words = f"{view.outbox_waiting} waiting to be delivered"
    if view.notifications_waiting:
        words += f", {view.notifications_waiting} of them notifications"
    return f"{words}; the last try: {view.delivery_error}" if view.delivery_error else words


def _prefect(view: DeploymentView, last_run_id: str | None) -> list[tuple[str, object]]:
    return [
        ("last run", _last_run(view, last_run_id)),
        ("deployment", _deployment(view)),
        ("next run", _next_run(view)),
    ]


def _last_run(view: DeploymentView, run_id: str | None) -> str | None:
    if view.is_answering and run_id is not None and view.last_run_url is None:
        return f"{run_id}, which this server does not know"
    return view.last_run_url or run_id


def _deployment(view: DeploymentView) -> str:
    if view.api is None:
        return "none: no Prefect server is configured"
    if not view.is_answering:
        return f"unknown: the Prefect API at {view.api} does not answer"
    if view.name is None:
        return "none on this server; `calmops deploy` makes it"
    return f"{view.name}, paused" if view.is_paused else view.name


def _next_run(view: DeploymentView) -> str | None:
    from calmops_flows.cli.words import short_time

    return short_time(view.next_run_at) if view.next_run_at else None


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
