"""``calmops relaunch``."""

from __future__ import annotations

from typing import Annotated

import typer

from calmops_flows.cli.options import Json, Name


def relaunch(
    context: typer.Context,
    name: Name,
    close_breaker: Annotated[
        bool,
        typer.Option("--close-breaker", help="Retrain again at once, whatever failed before."),
    ] = False,
    json: Json = False,
) -> None:
    """Start a pipeline again: bring its deployment up to date, then process what is pending.

    Without a Prefect server there is no deployment, and it only runs.
    """
    from calmops_flows.cli.commands.deploy import deploy
    from calmops_flows.cli.commands.run import run
    from calmops_flows.cli.output import tell
    from calmops_flows.flows.detect import api_url, prefect_is_configured
    from calmops_flows.settings import load_settings
    from calmops_flows.steps.drain import utc_now
    from calmops_flows.store.close_breaker import close_breaker as close
    from calmops_flows.store.store import open_store

    if close_breaker:
        with open_store(create=False) as store:
            before = close(store.database, name, now=utc_now())
        tell(f"The breaker of {name} was {before or 'closed'}, and is closed.")
    if prefect_is_configured(load_settings()) and api_url() is not None:
        tell(f"Bringing the deployment of {name} up to date")
        context.invoke(deploy, name=name, json=False)
    context.invoke(run, pipeline=name, json=json)
