"""``calmops retain``."""

from __future__ import annotations

from typing import Annotated

import typer

from calmops_flows.cli.options import Json, Name


def retain(
    name: Name,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go, and remove nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Apply a pipeline's retention now; every run applies it at its end."""
    from calmops_flows.cli.output import emit_json, say, say_table
    from calmops_flows.steps.drain import utc_now
    from calmops_flows.steps.retain import retain as apply
    from calmops_flows.store.store import open_store

    with open_store(create=False) as store:
        done = apply(store, name, dry_run=dry_run, now=utc_now())
    if json:
        emit_json({"name": name, "dry_run": dry_run, **done.to_dict()})
        return
    if done.forgotten:
        say_table(("kind", "of", "from"), [(i.kind, i.label, i.at[:16]) for i in done.forgotten])
    for label, reason in done.protected.items():
        say(f"stays though over a limit: {label} ({reason})")
    verb = "would be forgotten" if dry_run else "forgotten"
    say(f"{len(done.forgotten)} {verb}, {done.removed} artifacts removed.")
    if done.forgotten and not dry_run:
        say("Bytes younger than a day go with a later round.")
