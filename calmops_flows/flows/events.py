"""Events for Prefect, posted so that the server's acceptance is known."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
from prefect.client.orchestration import get_client

from calmops_flows.store.outbox import Message

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ARRIVED = "calmops.snapshot.arrived"
_BATCH = 100
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "calmops:arrival")


def resource_id(kind: str, pipeline: str) -> str:
    """Name what an event is about, from its kind: ``calmops.<what>.<verb>``.

    Examples
    --------
    >>> resource_id("calmops.circuit.opened", "flights")
    'calmops.circuit.flights'
    """
    return f"{kind.rpartition('.')[0]}.{pipeline}"


def emit_arrival(pipeline: str, path: str, key: str, *, files: int = 1) -> None:
    """Tell Prefect that files have settled; this wakes a run and carries nothing it relies on.

    Parameters
    ----------
    pipeline : str
        Name of the pipeline that watches them.
    path : str
        Path of the first one, relative to the source.
    key : str
        Names the arrival; the same one has the same id, and Prefect stores it once.
    files : int, default 1
        How many have settled.

    Raises
    ------
    OSError
        If the server did not accept the event.
    """
    message = Message(
        id=str(uuid.uuid5(_NAMESPACE, f"{pipeline}/{path}/{key}")),
        kind=ARRIVED,
        payload={"path": path, "files": files},
        created_at=datetime.now(UTC).isoformat(),
    )
    post([message], pipeline)


def post(messages: Sequence[Message], pipeline: str, *, run_id: str | None = None) -> None:
    """Post messages as events and return once the server has accepted all of them.

    Raises
    ------
    OSError
        If it did not; posting again does no harm, for an event is stored once by its id.
    """
    events = [_event(message, pipeline, run_id) for message in messages]
    try:
        with get_client(sync_client=True) as client:
            for start in range(0, len(events), _BATCH):
                client.request("POST", "/events", json=events[start : start + _BATCH])
    except httpx.HTTPError as err:
        raise OSError(f"the Prefect API did not accept {len(events)} events: {err!r}") from err


def _event(message: Message, pipeline: str, run_id: str | None) -> Mapping[str, Any]:
    related = []
    if run_id is not None:
        run = {
            "prefect.resource.id": f"prefect.flow-run.{run_id}",
            "prefect.resource.role": "flow-run",
        }
        related.append(run)
    return {
        "id": message.id,
        "occurred": message.created_at,
        "event": message.kind,
        "resource": {
            "prefect.resource.id": resource_id(message.kind, pipeline),
            "prefect.resource.name": pipeline,
        },
        "related": related,
        "payload": dict(message.payload),
    }
