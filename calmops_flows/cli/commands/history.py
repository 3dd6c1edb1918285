"""``calmops history``."""

from __future__ import annotations

from typing import Annotated

import typer

from calmops_flows.cli.options import Json, Name


def history(
    name: Name,
    last: Annotated[
        int | None, typer.Option("--last", min=1, metavar="N", help="Only the newest N snapshots.")
    ] = None,
    json: Json = False,
) -> None:
    """Show what became of every snapshot, oldest first."""
    from calmops_flows.cli.output import emit_json, say, say_table
    from calmops_flows.cli.words import OUTCOME_HEADERS, outcome_cells
    from calmops_flows.read import history as read_history
    from calmops_flows.store.store import open_store

    with open_store(create=False) as store:
        outcomes = read_history(store, name, last=last)
    if json:
        emit_json([outcome.to_dict() for outcome in outcomes])
    elif not outcomes:
        say(f"Nothing has arrived for {name} yet; put files into its source: calmops run {name}")
    else:
        say_table(OUTCOME_HEADERS, [outcome_cells(outcome) for outcome in outcomes])
