"""How a pipeline stands in Prefect, asked over HTTP without importing Prefect."""

from __future__ import annotations

import base64
import os
from dataclasses import asdict, dataclass
from typing import Any

from calmops_flows.flows.detect import api_url, run_link

TIMEOUT_SECONDS = 3.0
_NOT_FOUND = 404
_AHEAD = ("SCHEDULED", "PENDING")


@dataclass(frozen=True, slots=True)
class DeploymentView:
    """A pipeline's deployment.

    ``api`` is the address that was asked (None: none is configured); ``is_answering`` whether
    it said anything; ``name`` is null without a deployment; ``next_run_at`` is the next
    scheduled run, null while it is paused; ``last_run_url`` leads to the last run, null where
    the server that answers does not know it (another one, or its database was lost).
    """

    api: str | None
    is_answering: bool
    name: str | None = None
    is_paused: bool | None = None
    next_run_at: str | None = None
    last_run_url: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, ready for JSON."""
        return asdict(self)


def deployment_view(pipeline: str, kind: str, last_run_id: str | None) -> DeploymentView:
    """Ask the configured Prefect API about a pipeline; a silent one is no error."""
    api = api_url()
    link = run_link(last_run_id)
    if api is None:
        return DeploymentView(None, is_answering=False, last_run_url=link)
    import httpx

    try:
        with httpx.Client(base_url=api, timeout=TIMEOUT_SECONDS, headers=_headers()) as client:
            found = _post(client, "deployments/filter", _named(pipeline, kind))
            ahead = _post(client, "flow_runs/filter", _named(pipeline, kind) | _NEXT)
            link = link if _knows(client, last_run_id) else None
    except (httpx.HTTPError, ValueError):
        return DeploymentView(api, is_answering=False, last_run_url=link)
    if not found:
        return DeploymentView(api, is_answering=True, last_run_url=link)
    return DeploymentView(
        api=api,
        is_answering=True,
        name=f"calmops-{kind}/{pipeline}",
        is_paused=bool(found[0].get("paused")),
        next_run_at=ahead[0].get("expected_start_time") if ahead else None,
        last_run_url=link,
    )


_NEXT = {
    "flow_runs": {"state": {"type": {"any_": list(_AHEAD)}}},
    "sort": "EXPECTED_START_TIME_ASC",
    "limit": 1,
}


def _named(pipeline: str, kind: str) -> dict[str, Any]:
    return {
        "deployments": {"name": {"any_": [pipeline]}},
        "flows": {"name": {"any_": [f"calmops-{kind}"]}},
    }


def _post(client: Any, path: str, question: dict[str, Any]) -> list[dict[str, Any]]:
    answer = client.post(path, json=question)
    answer.raise_for_status()
    found: list[dict[str, Any]] = answer.json()
    return found


def _knows(client: Any, run_id: str | None) -> bool:
    """Say whether the server has a run; one with another database has not."""
    if run_id is None:
        return False
    answer = client.get(f"flow_runs/{run_id}")
    if answer.status_code == _NOT_FOUND:
        return False
    answer.raise_for_status()
    return True


def _headers() -> dict[str, str]:
    """Show the word or the key that the environment holds for Prefect's clients."""
    word = os.environ.get("PREFECT_API_AUTH_STRING")
    if word:
        return {"Authorization": f"Basic {base64.b64encode(word.encode()).decode()}"}
    key = os.environ.get("PREFECT_API_KEY")
    return {"Authorization": f"Bearer {key}"} if key else {}
