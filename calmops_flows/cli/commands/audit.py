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
    since: Annotated[
        str | None,
        typer.Option(
            metavar="HASH", help="A hash printed earlier, kept elsewhere: it must still be there."
        ),
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
        say(_verdict(view, since))
    if not (view.holds and _has(view, since)):
        raise typer.Exit(1)


def _verdict(view: AuditView, since: str | None) -> str:
    n = len(view.entries)
    if view.broken_at is not None:
        return f"The chain is broken at entry {view.broken_at} of {n}: it was edited or removed."
    if view.unrecorded:
        first = view.unrecorded[0][:12]
        return (
            f"The chain of {n} entries lacks {len(view.unrecorded)} outcomes, the first that of "
            f"snapshot {first}: its newest entries were removed."
        )
    if not _has(view, since):
        return f"No entry of {n} has the hash {since}: entries were removed, or written anew."
    return f"The chain of {n} entries holds; the last hash is {view.entries[-1].hash}"


def _has(view: AuditView, since: str | None) -> bool:
    return since is None or since in {entry.hash for entry in view.entries}


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
