"""Deploy a feed: a schedule on which a source gets its next snapshot."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

import httpx
from prefect.client.orchestration import get_client
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import PrefectException
from prefect.schedules import Interval
from prefect.types.entrypoint import EntrypointType

from calmops_flows.errors import SpecError
from calmops_flows.flows.deploy import WORK_POOL, Deployed, make_pool
from calmops_flows.flows.detect import PrefectUnreachableError
from calmops_flows.flows.generate_flow import generate
from calmops_flows.generators.feed import read_feed

if TYPE_CHECKING:
    from uuid import UUID


def deploy_feed(file: str | Path, *, every_seconds: float, work_pool: str = WORK_POOL) -> Deployed:
    """Make the deployment of a feed, or bring it up to date.

    Parameters
    ----------
    file : str or Path
        The feed's YAML; workers read it again at every run.
    every_seconds : float
        Time from one snapshot to the next.
    work_pool : str, default "calmops"
        Work pool that runs it; a process pool is made when there is none of that name.

    Returns
    -------
    Deployed
        Its name, id and work pool.

    Raises
    ------
    SpecError
        If the feed is not valid, or the time is not positive.
    PrefectUnreachableError
        If the Prefect API does not answer or refuses.
    """
    feed = read_feed(file)
    if not every_seconds > 0:
        raise SpecError(f"the time between snapshots must be positive, got {every_seconds!r}")
    deployment = RunnerDeployment.from_flow(
        generate,
        name=feed.name,
        description=f"Feeds {feed.folder}",
        parameters={"feed": str(Path(file).expanduser().absolute())},
        schedules=[Interval(timedelta(seconds=every_seconds), slug="feed")],
        # Runs of one feed take turns anyway; a late one should not pile up more.
        concurrency_limit=1,
        tags=["calmops"],
        work_pool_name=work_pool,
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    try:
        with get_client(sync_client=True) as client:
            make_pool(client, work_pool)
            made = cast("UUID", deployment.apply())
    except (httpx.HTTPError, PrefectException) as err:
        raise PrefectUnreachableError(f"cannot deploy {feed.name!r} to Prefect: {err!r}") from err
    return Deployed(f"{generate.name}/{feed.name}", made, work_pool)
