"""``calmops rollback``."""

from __future__ import annotations

from typing import Annotated

import typer

from calmops_flows.cli.options import Json, Name


def rollback(
    name: Name,
    to: Annotated[
        int | None,
        typer.Option(min=1, help="The version; default: the one that served before."),
    ] = None,
    json: Json = False,
) -> None:
    """Let an earlier version of the model serve again; once more takes it back."""
    from calmops_flows.cli.output import emit_json, say
    from calmops_flows.steps.drain import utc_now
    from calmops_flows.steps.switch import roll_back
    from calmops_flows.store.store import open_store

    with open_store(create=False) as store:
        found = roll_back(store, name, to=to, now=utc_now())
    if json:
        emit_json(found.to_dict())
    else:
        say(f"Version {found.champion} of {name} serves again, instead of {found.before}.")
