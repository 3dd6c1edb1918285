"""``calmops explain``."""

from __future__ import annotations

from typing import Annotated

import typer

from calmops_flows.cli.options import Json, Name


def explain(
    name: Name,
    snapshot: Annotated[
        str | None,
        typer.Argument(
            metavar="SNAPSHOT", help="Path or first digits of the digest; default: the last one."
        ),
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="All rules, numbers and tests it rests on.")
    ] = False,
    json: Json = False,
) -> None:
    """Explain one decision: the verdict, why, what moved, and what to do."""
    from calmops_flows.cli.output import emit_json, say
    from calmops_flows.read import explain as read_explanation
    from calmops_flows.read import to_sentences, to_short
    from calmops_flows.store.store import open_store

    with open_store(create=False) as store:
        explanation = read_explanation(store, name, snapshot)
    if json:
        emit_json(explanation.to_dict())
        return
    for sentence in to_sentences(explanation) if full else to_short(explanation):
        say(sentence)
    if not full and explanation.outcome.decision is not None:
        say("Everything: the same command with --full.")
