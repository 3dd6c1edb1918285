"""``calmops generate feed`` and ``deploy``: a source gets its next snapshot."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from calmops_flows.cli.options import Json

FeedFile = Annotated[Path, typer.Argument(metavar="FEED", help="YAML of the feed.")]


def feed(
    file: FeedFile,
    times: Annotated[int, typer.Option(min=1, help="How many snapshots.")] = 1,
    json: Json = False,
) -> None:
    """Write the next snapshots of a feed into its source, now."""
    from uuid import uuid4

    from calmops_flows.cli.output import emit_json, say
    from calmops_flows.generators.feed import read_feed
    from calmops_flows.steps.feed import feed_next

    plan = read_feed(file)
    found = [feed_next(plan, tick=f"command {uuid4()}") for _ in range(times)]
    made = [one for one in found if one is not None]
    if json:
        emit_json({"folder": plan.folder, "snapshots": [asdict(one) for one in made]})
        return
    for one in made:
        say(f"wrote {one.file} ({one.period} of {plan.periods()})")
    if len(made) < times:
        say(f"the feed has ended: all {plan.periods()} snapshots are written")


def deploy(
    file: FeedFile,
    every: Annotated[
        float, typer.Option("--every", metavar="SECONDS", help="Time between two snapshots.")
    ],
    pool: Annotated[
        str, typer.Option("--pool", help="Work pool; made when it is not there.")
    ] = "calmops",
    json: Json = False,
) -> None:
    """Deploy a feed to the configured Prefect server, on a schedule."""
    from calmops_flows.cli.output import emit_json, say
    from calmops_flows.errors import SpecError
    from calmops_flows.flows.detect import api_url
    from calmops_flows.generators.feed import read_feed

    read_feed(file)
    if api_url() is None:
        raise SpecError(
            "no Prefect server is configured; start one with `prefect server start`, then "
            "set PREFECT_API_URL, for example to http://127.0.0.1:4200/api"
        )
    from calmops_flows.flows.deploy_feed import deploy_feed

    made = deploy_feed(file, every_seconds=every, work_pool=pool)
    if json:
        emit_json({"deployment": made.name, "id": str(made.id), "work_pool": made.work_pool})
        return
    say(f"Deployed {made.name} to the work pool {made.work_pool}, every {every:g} seconds.")
    say(f"Start a worker:  prefect worker start --pool {made.work_pool}")
