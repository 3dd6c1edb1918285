"""Where the time goes between a closed file and the flow run that takes it, as Prefect saw it."""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class RunParts:
    """Seconds of each part, in order.

    Attributes
    ----------
    created : float
        From the closed file to the flow run: settling, the watcher's notice, its event, and
        the automation.
    submitted : float
        Until the worker, at its next question to the server, has taken the run.
    running : float
        Until the run's own process, new for each, has loaded Prefect and the flow, and says
        that it runs.
    """

    created: float
    submitted: float
    running: float

    @property
    def total(self) -> float:
        """Seconds from the closed file to the start of the run."""
        return self.created + self.submitted + self.running


def run_parts(api: str, run_id: str, closed: float) -> RunParts:
    """Ask Prefect about a run that took a file which was closed at that time."""
    created = _seconds(_get(f"{api}/flow_runs/{run_id}")["created"])
    states = _get(f"{api}/flow_run_states/?flow_run_id={run_id}")
    first: dict[str, float] = {}
    for state in sorted(states, key=lambda state: str(state["timestamp"])):
        first.setdefault(state["type"], _seconds(state["timestamp"]))
    return RunParts(
        created - closed, first["PENDING"] - created, first["RUNNING"] - first["PENDING"]
    )


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)


def _seconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()
