"""``calmops relaunch``."""

from __future__ import annotations

import typer  # noqa: TC002 - Typer looks at the annotation

from calmops_flows.cli.options import Json, Name


def relaunch(context: typer.Context, name: Name, json: Json = False) -> None:
    """Start a pipeline again: bring its deployment up to date, then process what is pending.

    Without a Prefect server there is no deployment, and it only runs.
    """
    from calmops_flows.cli.commands.deploy import deploy
    from calmops_flows.cli.commands.run import run
    from calmops_flows.cli.output import tell
    from calmops_flows.flows.detect import api_url, prefect_is_configured
    from calmops_flows.settings import load_settings

    if prefect_is_configured(load_settings()) and api_url() is not None:
        tell(f"Bringing the deployment of {name} up to date")
        context.invoke(deploy, name=name, json=False)
    context.invoke(run, pipeline=name, json=json)
