"""``calmops audit``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from calmops_flows.cli.options import Json, Name

if TYPE_CHECKING:
    from calmops_flows.read import AuditView


def audit(
    name: Name,
    verify: Annotated[
        bool, typer.Option("--verify", help="Only check the hash chain; exit 1 if it is broken.")
    ] = False,
    last: Annotated[
        int | None,
        typer.Option(min=1, help="Show so many entries, the newest; default: 20, with --json all."),
    ] = None,
    json: Json = False,
) -> None:
    """Show what was done to a pipeline, and check that nobody edited it."""
    from calmops_flows.cli.output import emit_json, say
    from calmops_flows.read import audit as read_audit
    from calmops_flows.store.store import open_store

    with open_store(create=False) as store:
        view = read_audit(store, name)
    if json:
        values = view.to_dict()
        emit_json({**values, "entries": values["entries"][-(last or 0) :]})
    else:
        if not verify:
            _list(view, last or 20)
        n = len(view.entries)
        holds = f"The chain of {n} entries holds; the last hash is {view.entries[-1].hash}"
        broken = f"The chain is broken at entry {view.broken_at} of {n}: it was edited or removed."
        say(holds if view.broken_at is None else broken)
    if view.broken_at is not None:
        raise typer.Exit(1)


def _list(view: AuditView, last: int) -> None:
    from calmops_flows.cli.output import say_table
    from calmops_flows.cli.words import short_time

    rows = [
        (entry.position, short_time(entry.at), entry.kind, _about(entry.payload))
        for entry in view.entries[-last:]
    ]
    say_table(("entry", "at", "what", "about"), rows)


def _about(payload: object) -> str:
    if not isinstance(payload, dict):
        return "unreadable"
    subject = payload.get("snapshot") or payload.get("version") or payload.get("spec_revision")
    more = payload.get("decision") or payload.get("reason")
    return ": ".join(str(part) for part in (subject, more) if part is not None)
