"""``calmops init``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from calmops_flows.cli.options import Json


def init(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="Folder with data files.")],
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the pipeline; default: the folder's.")
    ] = None,
    target: Annotated[
        str | None, typer.Option("--target", help="Column to predict; default: a guess.")
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option("--kind", help="stream, block or ipip; default: block with --block."),
    ] = None,
    block: Annotated[
        str | None, typer.Option("--block", help="Column that splits each file into blocks.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write; default: NAME.yaml here.")
    ] = None,
    json: Json = False,
) -> None:
    """Look at a data folder, and write a commented spec to start from."""
    from calmops_flows.cli.draft import draft, look
    from calmops_flows.cli.output import emit_json, say
    from calmops_flows.errors import SpecError

    found = look(folder)
    drafted = draft(found, name=name, target=target, kind=kind, block=block)
    file = out or Path(f"{drafted.name}.yaml")
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(drafted.text)
    except FileExistsError as err:
        raise SpecError(f"{str(file)!r} is there already; choose another with --out") from err
    if json:
        columns = [{"name": c.name, "type": c.type} for c in found.columns]
        facts = {
            "file": str(file),
            "name": drafted.name,
            "target": drafted.target,
            "kind": drafted.kind,
        }
        emit_json({**facts, "task": drafted.task, "columns": columns, "warnings": found.warnings})
        return
    for warning in found.warnings:
        say(f"Note: {warning}")
    say(f"Wrote {file}: {drafted.task} of {drafted.target}, {len(found.columns)} columns.")
    say(f"Check it, then:  calmops apply {file} && calmops run {drafted.name}")
    say("For `prefect deploy`, add this under `deployments` in prefect.yaml:")
    say()
    for line in drafted.stanza.splitlines():
        say(line)
