"""``calmops deploy``."""

from __future__ import annotations

from typing import Annotated

import typer

from calmops_flows.cli.options import Json, Name

WORK_POOL = "calmops"


def deploy(
    name: Name,
    pool: Annotated[
        str, typer.Option("--pool", help="Work pool; made when it is not there.")
    ] = WORK_POOL,
    notify: Annotated[
        str | None,
        typer.Option(
            "--notify",
            metavar="TYPE/NAME",
            help="Block by which Prefect tells people of breaker, champion, quarantine and "
            'pauses; "" for none. Default: as it is.',
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Deploy an applied pipeline to the configured Prefect server."""
    from calmops_flows.cli.output import emit_json, say
    from calmops_flows.errors import SpecError
    from calmops_flows.flows.detect import api_url
    from calmops_flows.read import require_pipeline
    from calmops_flows.store.store import open_store

    with open_store(create=False) as store:
        with store.database.read() as connection:
            require_pipeline(connection, name)
        if api_url() is None:
            raise SpecError(
                "no Prefect server is configured; start one with `prefect server start`, then "
                "set PREFECT_API_URL, for example to http://127.0.0.1:4200/api"
            )
        from calmops_flows.flows.deploy import deploy as deploy_to_prefect

        made = deploy_to_prefect(name, store, work_pool=pool, notify=notify)
    if json:
        emit_json({"deployment": made.name, "id": str(made.id), "work_pool": made.work_pool})
        return
    say(f"Deployed {made.name} to the work pool {made.work_pool}.")
    say(f"Start a worker:  prefect worker start --pool {made.work_pool}")
    say(f"Run it now:      prefect deployment run {made.name}")
