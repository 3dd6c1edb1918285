"""The automations of a deployment: pause, half-open resume, zombie rule, notification."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from importlib import resources
from string import Template
from typing import TYPE_CHECKING, Any

import yaml
from prefect.events.schemas.automations import AutomationCore
from prefect.exceptions import ObjectNotFound

from calmops_flows.errors import NotFoundError

if TYPE_CHECKING:
    from uuid import UUID

    from prefect.client.orchestration import SyncPrefectClient

NOTIFY = "notify"
HEARTBEAT_SECONDS = 30  # the shortest that Prefect allows; the zombie rule misses three


@dataclass(frozen=True, slots=True)
class Rules:
    """How long the automations wait."""

    pause_within_seconds: int = 600
    resume_after_seconds: int = 600
    zombie_after_seconds: int = 3 * HEARTBEAT_SECONDS


def owner(deployment: UUID) -> str:
    """Name a deployment as the resource that owns its automations.

    Examples
    --------
    >>> from uuid import UUID
    >>> owner(UUID(int=1))
    'prefect.deployment.00000000-0000-0000-0000-000000000001'
    """
    return f"prefect.deployment.{deployment}"


def create_automations(
    client: SyncPrefectClient,
    pipeline: str,
    deployment: UUID,
    *,
    block: UUID | None = None,
    rules: Rules | None = None,
) -> dict[str, UUID]:
    """Create what ``automations.yaml`` declares, owned by the deployment.

    Parameters
    ----------
    client : SyncPrefectClient
        Of the server.
    pipeline : str
        Name of the pipeline.
    deployment : UUID
        Its deployment.
    block : UUID, optional
        Notification block; without one nobody is told.
    rules : Rules, optional
        How long they wait.

    Returns
    -------
    dict of str to UUID
        What was created, by its key in the file.
    """
    words: dict[str, Any] = {"pipeline": pipeline, "deployment": deployment, "block": block}
    words |= asdict(rules or Rules())
    made: dict[str, UUID] = {}
    for key, entry in _declared().items():
        if key == NOTIFY and block is None:
            continue
        # Filled in after parsing, so that no name can change the file's structure.
        filled = _fill(entry, {name: str(value) for name, value in (words | made).items()})
        automation = AutomationCore.model_validate(filled | {"owner_resource": owner(deployment)})
        made[key] = client.create_automation(automation)
    return made


def renew_automations(client: SyncPrefectClient, pipeline: str, deployment: UUID) -> None:
    """Create them anew and leave the trigger of ``prefect deploy`` alone."""
    block = notified_block(client, pipeline)
    for entry in _declared().values():
        name = Template(entry["name"]).substitute(pipeline=pipeline)
        for old in client.read_automations_by_name(name):
            client.delete_automation(old.id)
    create_automations(client, pipeline, deployment, block=block)


def _declared() -> dict[str, dict[str, Any]]:
    text = resources.files(__package__).joinpath("automations.yaml").read_text(encoding="utf-8")
    entries: dict[str, dict[str, Any]] = yaml.safe_load(text)
    return entries


def _fill(value: Any, words: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _fill(one, words) for key, one in value.items()}
    if isinstance(value, list):
        return [_fill(one, words) for one in value]
    if not isinstance(value, str):
        return value
    text = Template(value).substitute(words)
    return int(text) if value.endswith("_seconds") and text.isdigit() else text


def drop_automations(client: SyncPrefectClient, deployment: UUID) -> None:
    """Remove every automation that a deployment owns, also that of its trigger."""
    client.delete_resource_owned_automations(owner(deployment))


def notified_block(client: SyncPrefectClient, pipeline: str) -> UUID | None:
    """Return the block that a pipeline's notification goes to at present."""
    for automation in client.read_automations_by_name(f"calmops-{NOTIFY}-{pipeline}"):
        for action in automation.actions:
            found: UUID | None = getattr(action, "block_document_id", None)
            if found is not None:
                return found
    return None


def find_block(client: SyncPrefectClient, name: str) -> UUID:
    """Return the id of a saved block, by the slug of its type and its name.

    Raises
    ------
    NotFoundError
        If the server has none of that name.
    """
    slug, _, own = name.partition("/")
    try:
        found = client.read_block_document_by_name(own, slug, include_secrets=False)
    except ObjectNotFound as err:
        raise NotFoundError(
            f"the Prefect server has no block {name!r}, expected TYPE/NAME such as "
            "slack-webhook/ops; `prefect block ls` shows those there are"
        ) from err
    if found.id is None:
        raise NotFoundError(f"the Prefect server gave no id for the block {name!r}")
    return found.id
