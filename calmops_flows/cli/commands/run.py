"""``calmops run``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from calmops_flows.cli.options import Json, known_names

if TYPE_CHECKING:
    from calmops_flows.settings import Settings
    from calmops_flows.steps.drain import Drained
    from calmops_flows.store.store import Store


def run(
    pipeline: Annotated[
        str,
        typer.Argument(
            metavar="NAME|FILE",
            help="Pipeline, or YAML file of a spec.",
            autocompletion=known_names,
        ),
    ],
    prefect: Annotated[
        bool | None,
        typer.Option(
            "--prefect/--no-prefect", help="Under Prefect or not; default: if an API is configured."
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 1 when something was quarantined or busy.")
    ] = False,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Do not wait for files that are being written.")
    ] = False,
    json: Json = False,
) -> None:
    """Process everything that has arrived, in order."""
    from calmops_flows import api
    from calmops_flows.cli.output import emit_json
    from calmops_flows.cli.progress import progress
    from calmops_flows.logs import pipeline_log
    from calmops_flows.settings import load_settings

    settings = load_settings()
    store, name = _open(settings, pipeline)
    with store, pipeline_log(settings.logs, name), progress(name) as on_progress:
        drained = api.run(
            name, store=store, wait=not no_wait, on_progress=on_progress, prefect=prefect
        )
    if json:
        emit_json(_to_dict(name, drained))
    else:
        _say(name, drained)
    if strict and (drained.quarantined or drained.is_busy):
        raise typer.Exit(1)


def _open(settings: Settings, pipeline: str) -> tuple[Store, str]:
    """Open the store of an applied pipeline, or apply a spec; a wrong name makes no store."""
    from calmops_flows import api
    from calmops_flows.read import require_pipeline
    from calmops_flows.spec import read_spec
    from calmops_flows.steps.apply import is_spec_file
    from calmops_flows.steps.validate import validate
    from calmops_flows.store.store import open_store

    if is_spec_file(pipeline):
        spec = read_spec(pipeline)
        validate(spec, settings)
        store = open_store(settings)
        return store, api.resolve_pipeline(spec, store)
    store = open_store(settings, create=False)
    with store.database.read() as connection:
        require_pipeline(connection, pipeline)
    return store, pipeline


def _to_dict(name: str, drained: Drained) -> dict[str, object]:
    return {
        "pipeline": name,
        "outcomes": [outcome.to_dict() for outcome in drained.outcomes],
        "quarantined": [outcome.to_dict() for outcome in drained.quarantined],
        "waiting": drained.waiting,
        "skipped": [{"path": path, "reason": reason} for path, reason in drained.skipped],
        "is_busy": drained.is_busy,
    }


def _say(name: str, drained: Drained) -> None:
    from calmops_flows.cli.output import say, say_table
    from calmops_flows.cli.words import OUTCOME_HEADERS, outcome_cells

    if drained.is_busy:
        say(f"Another run holds {name}; it will process what is pending.")
        return
    if drained.outcomes:
        say_table(OUTCOME_HEADERS, [outcome_cells(outcome) for outcome in drained.outcomes])
    for outcome in drained.quarantined:
        say(f"quarantined {outcome.snapshot}: {outcome.reason}")
    for path, reason in drained.skipped:
        say(f"skipped {path}: {reason}")
    for path in drained.waiting:
        say(f"still being written: {path}")
    if drained.outcomes:
        say(f"Next: calmops explain {name}")
    elif not drained.quarantined:
        say("Nothing was pending.")
