"""``calmops fsck``."""

from __future__ import annotations

from typing import Annotated

import typer

from calmops_flows.cli.options import Json


def fsck(
    repair: Annotated[
        bool, typer.Option("--repair", help="Repair what can be repaired without guessing.")
    ] = False,
    json: Json = False,
) -> None:
    """Check the whole store: ledger, champions, audit chains, every artifact's bytes.

    Exits 1 when something is left that needs a person.
    """
    from calmops_flows.cli.output import emit_json, say, say_table
    from calmops_flows.steps.drain import utc_now
    from calmops_flows.store.fsck import fsck as check
    from calmops_flows.store.store import open_store

    with open_store(create=False) as store:
        found = check(store, repair=repair, now=utc_now())
    left = [finding for finding in found if not finding.is_repaired]
    if json:
        emit_json({"findings": [finding.to_dict() for finding in found], "left": len(left)})
    elif not found:
        say("All is well.")
    else:
        say_table(
            ("check", "where", "repaired", "what"),
            [(f.check, f.where[:24], "yes" if f.is_repaired else "no", f.detail) for f in found],
        )
        if any(f.check in {"orphan", "unfinished"} for f in left):
            say("Next: calmops fsck --repair removes what nothing names and is older than a day.")
    if left:
        raise typer.Exit(1)
