"""``calmops quarantine``."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from calmops_flows.cli.options import Json, Name

if TYPE_CHECKING:
    from calmops_flows.store.store import Store


class Action(StrEnum):
    """What is done about quarantined snapshots."""

    LIST = "list"
    RETRY = "retry"
    DROP = "drop"


def quarantine(
    name: Name,
    action: Annotated[
        Action, typer.Argument(metavar="ACTION", help="What to do about them.")
    ] = Action.LIST,
    snapshots: Annotated[
        list[str] | None,
        typer.Argument(metavar="SNAPSHOT", help="Paths, or first digits of digests."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that are quarantined.")] = False,
    json: Json = False,
) -> None:
    """List what was set aside with its reason, try it again, or drop it."""
    from calmops_flows.cli.output import emit_json
    from calmops_flows.store.store import open_store

    with open_store(create=False) as store:
        if action is Action.LIST:
            _list(store, name, json=json)
            return
        done = _resolve(store, name, action, snapshots or [], everything=everything)
    if json:
        emit_json({"pipeline": name, "action": action.value, "snapshots": done})
    else:
        _say(name, action, done)


def _list(store: Store, name: str, *, json: bool) -> None:
    from calmops_flows.cli.output import emit_json, say, say_table
    from calmops_flows.read import quarantined

    found = quarantined(store, name)
    if json:
        emit_json([entry.to_dict() for entry in found])
    elif not found:
        say(f"Nothing of {name} is quarantined.")
    else:
        rows = [(entry.snapshot, entry.digest[:12], entry.reason) for entry in found]
        say_table(("snapshot", "digest", "reason"), rows)
        say(f"Next: calmops quarantine {name} retry|drop SNAPSHOT... (or --all)")


def _resolve(
    store: Store, name: str, action: Action, snapshots: list[str], *, everything: bool
) -> tuple[str, ...]:
    from calmops_flows.errors import SpecError
    from calmops_flows.steps.drain import utc_now
    from calmops_flows.store.quarantine import drop, retry

    if bool(snapshots) == everything:
        raise SpecError(f"name the snapshots to {action.value}, or give --all")
    work = retry if action is Action.RETRY else drop
    return work(store.database, name, None if everything else snapshots, now=utc_now())


def _say(name: str, action: Action, done: tuple[str, ...]) -> None:
    from calmops_flows.cli.output import say

    if not done:
        say(f"Nothing of {name} was quarantined.")
    for label in done:
        say(f"{'pending again' if action is Action.RETRY else 'dropped'}: {label}")
    if done and action is Action.RETRY:
        say(f"Next: calmops run {name}")
