"""``calmops delete``."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from calmops_flows.cli.options import Json, Name

if TYPE_CHECKING:
    from calmops_flows.settings import Settings


def delete(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Delete a pipeline with its history; files in its source stay where they are."""
    from calmops_flows.cli.output import emit_json, say, tell
    from calmops_flows.errors import SpecError
    from calmops_flows.read import require_pipeline
    from calmops_flows.steps.delete import delete as delete_from_store
    from calmops_flows.steps.drain import utc_now
    from calmops_flows.store.store import open_store

    with open_store(create=False) as store:
        with store.database.read() as connection:
            require_pipeline(connection, name)
        if not yes:
            if not sys.stdin.isatty():
                raise SpecError(f"deleting {name!r} needs a person's yes; give --yes")
            typer.confirm(f"Delete pipeline {name} with all its history?", abort=True, err=True)
        removed = delete_from_store(store, name, now=utc_now())
        _undeploy(name, store.settings)
    if json:
        emit_json({"name": name, "deleted": True, "artifacts": asdict(removed)})
        return
    say(f"Pipeline {name} is deleted. Its audit log, and the files in its source, are kept.")
    if removed.problem is not None:
        tell(f"Its artifacts stay, for it is not known who names them: {removed.problem}")
    elif removed.too_young:
        say(
            f"{removed.too_young} artifacts are younger than a day and stay for now; "
            "`calmops fsck --repair` removes them later."
        )


def _undeploy(name: str, settings: Settings) -> None:
    """Remove the deployment too; a server that does not answer keeps it, and that is said."""
    from calmops_flows.cli.output import tell
    from calmops_flows.flows.detect import (
        PrefectUnreachableError,
        api_url,
        is_reachable,
        prefect_is_configured,
    )

    url = api_url()
    if not prefect_is_configured(settings) or url is None:
        return
    if not is_reachable(url):
        tell(f"Its deployment, if it has one, stays: the Prefect API at {url} does not answer")
        return
    from calmops_flows.flows.deploy import undeploy

    try:
        undeploy(name)
    except PrefectUnreachableError as err:
        tell(f"Its deployment, if it has one, stays: {err}")
