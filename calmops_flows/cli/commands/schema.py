"""``calmops schema``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def schema(
    out: Annotated[
        Path | None, typer.Option("--out", help="Write to this file instead of stdout.")
    ] = None,
) -> None:
    """Print the JSON schema of the spec, so that editors complete the YAML."""
    from calmops_flows.cli.output import tell
    from calmops_flows.spec import json_schema

    text = json.dumps(json_schema(), indent=2, ensure_ascii=True) + "\n"
    if out is None:
        typer.echo(text, nl=False)
        return
    out.write_text(text, encoding="utf-8")
    tell(f"Wrote {out}; a first line `# yaml-language-server: $schema={out}` makes editors use it.")
