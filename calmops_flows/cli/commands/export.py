"""``calmops export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from calmops_flows.cli.options import Json, Name


def export(
    name: Name,
    file: Annotated[
        str | None,
        typer.Argument(metavar="FILE", help="New file; default: NAME.calmops.zip here."),
    ] = None,
    json: Json = False,
) -> None:
    """Write a pipeline with its whole history into one file, for `calmops import`."""
    from calmops_flows.cli.output import emit_json, say
    from calmops_flows.read import require_pipeline
    from calmops_flows.store.archive import export as write
    from calmops_flows.store.store import open_store

    path = Path(file or f"{name}.calmops.zip")
    with open_store(create=False) as store:
        with store.database.read() as connection:
            require_pipeline(connection, name)
        view = write(store, name, path)
    if json:
        emit_json({**view.to_dict(), "file": str(path)})
        return
    held = f"{view.snapshots} snapshots, {view.versions} versions, {view.artifacts} artifacts"
    say(f"{path} holds {view.pipeline}: {held}.")
    say(f"Elsewhere: calmops import {path.name} --trust")
