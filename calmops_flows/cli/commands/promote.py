"""``calmops promote``."""

from __future__ import annotations

from typing import Annotated

import typer

from calmops_flows.cli.options import Json, Name


def promote(
    name: Name,
    version: Annotated[
        int, typer.Argument(metavar="VERSION", min=1, help="The version that shall serve.")
    ],
    json: Json = False,
) -> None:
    """Let a version of the model serve, whatever the promotion rule said of it."""
    from calmops_flows.cli.output import emit_json, say
    from calmops_flows.steps.drain import utc_now
    from calmops_flows.steps.switch import promote as promote_version
    from calmops_flows.store.store import open_store

    with open_store(create=False) as store:
        found = promote_version(store, name, version, now=utc_now())
    if json:
        emit_json(found.to_dict())
        return
    before = f"; before, version {found.before} served" if found.before is not None else ""
    say(f"Version {found.champion} of {name} serves now{before}.")
