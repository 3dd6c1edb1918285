"""``calmops backup``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from calmops_flows.cli.options import Json


def backup(
    folder: Annotated[
        str, typer.Argument(metavar="FOLDER", help="New or empty folder that takes the copy.")
    ],
    json: Json = False,
) -> None:
    """Copy database and artifacts, while runs go on, and check the copy.

    The copy is a CALMOPS_HOME: point the variable at it to look at it or go on from it.
    """
    from calmops_flows.cli.output import emit_json, say
    from calmops_flows.store.backup import back_up
    from calmops_flows.store.store import open_store

    with open_store(create=False) as store:
        done = back_up(store, Path(folder))
    if json:
        emit_json(done.to_dict())
        return
    size = f"{done.size_bytes / 2**20:.1f} MiB"
    say(f"{done.artifacts} artifacts ({size}) and the database are in {done.folder}.")
    say(f"Look at it with: CALMOPS_HOME={done.folder} calmops list")
