"""Deploy a pipeline: schedules, trigger, automations, and what a worker needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, cast

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.deployments.runner import RunnerDeployment
from prefect.events import DeploymentEventTrigger
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound, PrefectException
from prefect.schedules import Cron, Interval, RRule, Schedule
from prefect.types.entrypoint import EntrypointType
from prefect.workers.process import ProcessWorker

from calmops_flows.flows.automations import (
    HEARTBEAT_SECONDS,
    Rules,
    create_automations,
    drop_automations,
    find_block,
    notified_block,
)
from calmops_flows.flows.detect import PrefectUnreachableError
from calmops_flows.flows.events import ARRIVED, resource_id
from calmops_flows.flows.table import FLOWS
from calmops_flows.store.pipelines import load_state

if TYPE_CHECKING:
    from uuid import UUID

    from prefect.client.schemas.responses import DeploymentResponse

    from calmops_flows.settings import Settings
    from calmops_flows.spec import PipelineSpec, ScheduleSpec
    from calmops_flows.store.store import Store

WORK_POOL = "calmops"
SAFETY_NET_SECONDS = 300  # events may be lost, so every deployment also looks by itself


@dataclass(frozen=True, slots=True)
class Deployed:
    """A deployment as ``prefect deployment run`` names it."""

    name: str
    id: UUID
    work_pool: str


def deployment_name(pipeline: str, kind: str = "stream") -> str:
    """Return the name of a pipeline's deployment.

    Examples
    --------
    >>> deployment_name("flights")
    'calmops-stream/flights'
    """
    return f"{FLOWS[kind].name}/{pipeline}"


def deploy(
    name: str,
    store: Store,
    *,
    work_pool: str = WORK_POOL,
    notify: str | None = None,
    rules: Rules | None = None,
) -> Deployed:
    """Make the deployment of an applied pipeline, or bring it up to date.

    It holds the pipeline's name, its schedules, the trigger on file arrival, and the
    ``CALMOPS_HOME`` that the store lies in; with it go the automations of
    ``automations.yaml``. Database and artifact URLs may hold secrets: a worker takes them
    from its own environment, and where both are set, its home as well.

    Parameters
    ----------
    name : str
        Name of an applied pipeline.
    store : Store
        The store it lives in.
    work_pool : str, default "calmops"
        Work pool that runs it; a process pool is made when there is none of that name.
    notify : str, optional
        Notification block (``type/name``) that Prefect itself tells of breaker, champion,
        quarantine and pauses; ``""``: none. Default: the present one.
    rules : Rules, optional
        How long the automations wait.

    Returns
    -------
    Deployed
        Its name, id and work pool.

    Raises
    ------
    NotFoundError
        If there is no pipeline, or no block, of that name.
    PrefectUnreachableError
        If the Prefect API does not answer or refuses.
    """
    spec = load_state(store.database, name).spec
    wanted = schedules(spec)
    deployment = RunnerDeployment.from_flow(
        FLOWS[spec.kind],
        name=name,
        description=f"Watches {spec.source.path}",
        parameters={"pipeline": name},
        schedules=wanted,
        triggers=[on_arrival(name)] if spec.triggers.file_arrival else [],
        tags=["calmops"],
        work_pool_name=work_pool,
        job_variables={"env": _variables(store.settings)},
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    try:
        with get_client(sync_client=True) as client:
            block = _block(client, name, notify)
            make_pool(client, work_pool)
            # Prefect leaves automations alone when there is no trigger any more.
            _drop_automations(client, name)
            made = cast("UUID", deployment.apply())  # a coroutine only in a running loop
            _drop_other_schedules(client, made, {one.slug for one in wanted})
            create_automations(client, name, made, block=block, rules=rules)
    except (httpx.HTTPError, PrefectException) as err:
        raise PrefectUnreachableError(f"cannot deploy {name!r} to Prefect: {err!r}") from err
    return Deployed(deployment_name(name, spec.kind), made, work_pool)


def _variables(settings: Settings) -> dict[str, str]:
    """Return what each run gets; with database and artifacts elsewhere each machine has a home."""
    own = {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_SECONDS)}
    if settings.database_url and settings.artifacts_url:
        return own
    return own | {"CALMOPS_HOME": str(settings.home.expanduser().absolute())}


def _block(client: SyncPrefectClient, name: str, notify: str | None) -> UUID | None:
    """Return the block to notify; None as wish: the one that is notified now."""
    if notify is None:
        return notified_block(client, name)
    return find_block(client, notify) if notify else None


def undeploy(name: str) -> bool:
    """Remove the deployment of a pipeline with its schedules and its automations.

    Returns
    -------
    bool
        Whether there was one.

    Raises
    ------
    PrefectUnreachableError
        If the Prefect API does not answer or refuses.
    """
    try:
        with get_client(sync_client=True) as client:
            found = _drop_automations(client, name)
            if found is not None:
                client.delete_deployment(found)
    except (httpx.HTTPError, PrefectException) as err:
        raise PrefectUnreachableError(f"cannot remove the deployment of {name!r}: {err!r}") from err
    return found is not None


def schedules(spec: PipelineSpec) -> list[Schedule]:
    """Return the schedules of a pipeline: its own, and the safety net."""
    own = spec.triggers.schedule
    net = Interval(timedelta(seconds=SAFETY_NET_SECONDS), slug="safety-net")
    return [net] if own is None else [net, _schedule(own)]


def _schedule(own: ScheduleSpec) -> Schedule:
    if own.cron is not None:
        return Cron(own.cron, timezone=own.timezone, slug="own")
    if own.rrule is not None:
        return RRule(own.rrule, timezone=own.timezone, slug="own")
    seconds = own.interval_seconds or SAFETY_NET_SECONDS
    return Interval(timedelta(seconds=seconds), timezone=own.timezone, slug="own")


def on_arrival(name: str) -> DeploymentEventTrigger:
    """Return the trigger that runs a pipeline when one of its files has settled."""
    return DeploymentEventTrigger(
        name=f"calmops-arrival-{name}",
        description=f"Run {name} when a file has settled",
        expect={ARRIVED},
        match={"prefect.resource.id": resource_id(ARRIVED, name)},
        parameters={"pipeline": name},
    )


def make_pool(client: SyncPrefectClient, name: str) -> None:
    """Make a pool of process workers, unless there is a pool of that name."""
    template = ProcessWorker.get_default_base_job_template()
    try:
        client.read_work_pool(name)
    except ObjectNotFound:
        wanted = WorkPoolCreate(name=name, type="process", base_job_template=template)
        try:
            client.create_work_pool(wanted)
        except ObjectAlreadyExists:
            return  # somebody else made it in between


def _drop_other_schedules(
    client: SyncPrefectClient, deployment: UUID, slugs: set[str | None]
) -> None:
    """Remove schedules that the spec no longer has; Prefect only adds and changes."""
    for schedule in client.read_deployment_schedules(deployment):
        if schedule.slug not in slugs:
            client.delete_deployment_schedule(deployment, schedule.id)


def _drop_automations(client: SyncPrefectClient, name: str) -> UUID | None:
    """Remove what the deployment owns; return its id, None when there is none."""
    found = find_deployment(client, name)
    if found is None:
        return None
    drop_automations(client, found.id)
    return found.id


def find_deployment(client: SyncPrefectClient, name: str) -> DeploymentResponse | None:
    """Return the deployment of a pipeline of whatever kind; a deleted one has no spec to ask."""
    for kind in FLOWS:
        try:
            return client.read_deployment_by_name(deployment_name(name, kind))
        except ObjectNotFound:
            continue
    return None
