"""The flow that feeds a pipeline's source: each run writes the next snapshot of a feed."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed


def _run_name() -> str:
    name = Path(flow_run.parameters["feed"]).stem
    return f"{name}-{flow_run.scheduled_start_time:%Y%m%dT%H%M%S}"


@flow(
    name="calmops-generate",
    flow_run_name=_run_name,
    description="Write the next snapshot of a feed into a source's folder, once.",
)
def generate(feed: str) -> State[dict[str, Any] | None]:
    """Write the next snapshot of a feed.

    Parameters
    ----------
    feed : str
        Path of the feed's YAML.

    Returns
    -------
    dict or None
        Number, file, digest and tick of the snapshot; the run ends as *Fed*, and as *Ended* with
        None when all snapshots were written before. The same run, started again, writes no
        second one.

    Raises
    ------
    SpecError
        If the feed is not valid, or the folder was fed by another one.
    OSError
        If the folder cannot be written.
    """
    # Loaded here, so that the run is called running before pandas and the rest are.
    from calmops_flows.generators.feed import read_feed
    from calmops_flows.steps.feed import feed_next

    plan = read_feed(feed)
    made = feed_next(plan, tick=f"flow run {flow_run.id}")
    if made is None:
        message = f"all {plan.periods()} snapshots were written before"
        get_run_logger().info("%s: %s", plan.name, message)
        return Completed(name="Ended", message=message, data=None)
    get_run_logger().info("%s: wrote %s", plan.name, made.file)
    return Completed(name="Fed", message=f"wrote {made.file}", data=asdict(made))
