"""``calmops demo``."""

from __future__ import annotations

from typing import Annotated

import typer


def demo(
    pipeline: Annotated[
        str, typer.Option("--pipeline", help="Kind of pipeline: stream, block or ipip.")
    ] = "stream",
    months: Annotated[
        int, typer.Option("--months", min=1, max=12, help="Number of months that arrive.")
    ] = 12,
    keep: Annotated[
        bool, typer.Option("--keep", help="Go on where an earlier demo stopped.")
    ] = False,
) -> None:
    """Watch a year of real flights arrive, month by month."""
    from calmops_flows.demo import run_demo

    run_demo(pipeline=pipeline, months=months, keep=keep, echo=typer.echo)
