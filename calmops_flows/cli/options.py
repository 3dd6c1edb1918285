"""Arguments and options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer


def known_names(incomplete: str) -> list[str]:
    """Return the pipelines that a shell may complete a word to."""
    from calmops_flows.errors import CalmopsError
    from calmops_flows.store.pipelines import pipeline_names
    from calmops_flows.store.store import open_store

    try:
        with open_store(create=False) as store:
            return [n for n in pipeline_names(store.database) if n.startswith(incomplete)]
    except (CalmopsError, OSError):
        return []  # a word in the middle of a command line is no place for an error


Name = Annotated[
    str,
    typer.Argument(metavar="NAME", help="Name of the pipeline.", autocompletion=known_names),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, to stdout.")]
Escape = Annotated[
    bool,
    typer.Option(
        "--escape-formulas", help="Put ' before texts of a .csv that a spreadsheet would run."
    ),
]
