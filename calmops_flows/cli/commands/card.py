"""``calmops card``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from calmops_flows.cli.options import Json, Name


class Format(StrEnum):
    """How a card is written."""

    MARKDOWN = "md"
    HTML = "html"


def card(
    name: Name,
    version: Annotated[
        int | None, typer.Argument(metavar="VERSION", help="Default: the champion.")
    ] = None,
    compare: Annotated[
        int | None,
        typer.Option(metavar="EARLIER", help="Report what changed since this version instead."),
    ] = None,
    style: Annotated[
        Format, typer.Option("--format", help="Markdown, or one page of HTML.")
    ] = Format.MARKDOWN,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it there, not to the terminal.")
    ] = None,
    json: Json = False,
) -> None:
    """Write a model card, or what changed between two versions, for a reviewer."""
    from calmops_flows.cli.output import emit_json, tell
    from calmops_flows.errors import SpecError
    from calmops_flows.read import card as read_card
    from calmops_flows.reports.card import change_report, model_card
    from calmops_flows.store.store import open_store

    with open_store(create=False) as store:
        view = read_card(store, name, version)
        if compare == view.version:
            raise SpecError(f"--compare {compare}: that is the version itself; give an earlier one")
        earlier = None if compare is None else read_card(store, name, compare)
    if json:
        emit_json(view.to_dict() if earlier is None else [earlier.to_dict(), view.to_dict()])
        return
    document = model_card(view) if earlier is None else change_report(earlier, view)
    text = document.to_html() if style is Format.HTML else document.to_markdown()
    if out is None:
        typer.echo(text)
        return
    out.write_text(text, encoding="utf-8")
    tell(f"Wrote {out}.")
