"""``calmops contract``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from calmops_flows.cli.options import Json, Name


class Action(StrEnum):
    """What is done about a contract."""

    SHOW = "show"
    ACCEPT = "accept"


def contract(
    name: Name,
    action: Annotated[Action, typer.Argument(metavar="ACTION", help="What to do.")] = Action.SHOW,
    snapshot: Annotated[
        str | None, typer.Argument(metavar="SNAPSHOT", help="The quarantined one to let in.")
    ] = None,
    json: Json = False,
) -> None:
    """Show which columns a pipeline's files have, or accept a file that has others.

    Accepting makes a new version: missing columns become optional, new ones are added,
    numbers widen; everything the old version refused gets another turn.
    """
    from calmops_flows.cli.output import emit_json, say
    from calmops_flows.errors import SpecError
    from calmops_flows.steps.contract import accept
    from calmops_flows.steps.drain import utc_now
    from calmops_flows.store.store import open_store

    if (action is Action.ACCEPT) != (snapshot is not None):
        raise SpecError("give `accept` together with the snapshot to let in")
    with open_store(create=False) as store:
        if snapshot is None:
            _show(name, json=json)
            return
        done = accept(store, name, snapshot, now=utc_now())
    if json:
        emit_json(
            {
                "name": name,
                "contract_version": done.version,
                "changes": done.changes,
                "requeued": done.requeued,
            }
        )
        return
    for change in done.changes:
        say(change)
    say(f"The contract is at version {done.version}; {done.requeued} snapshots are pending again.")
    say(f"Next: calmops run {name}")


def _show(name: str, *, json: bool) -> None:
    from calmops_flows.cli.output import emit_json, say, say_table
    from calmops_flows.read import show
    from calmops_flows.store.store import open_store

    with open_store(create=False) as store:
        view = show(store, name)
    if json:
        emit_json(
            {"name": name, "contract_version": view.contract_version, "contract": view.contract}
        )
    elif view.contract is None:
        say(f"{name} has no contract yet; it is learnt from the first snapshot.")
    else:
        say(f"Version {view.contract_version}, target {view.contract['target']}")
        rows = [
            (c["name"], c["type"], "yes" if c["required"] else "no", c["missing_rate"], _values(c))
            for c in view.contract["columns"]
        ]
        say_table(("column", "type", "required", "missing rate", "values seen"), rows)


def _values(column: dict[str, object]) -> str:
    levels = column["categories"]
    if isinstance(levels, list):
        return f"{len(levels)} levels"
    if column["minimum"] is None:
        return "-"
    return f"{column['minimum']:g} to {column['maximum']:g}"
