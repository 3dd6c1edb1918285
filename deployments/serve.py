"""Serve every spec of this folder on a laptop: schedules and events, without a worker.

``python deployments/serve.py`` runs until it is stopped; it needs a Prefect server
(``prefect server start``).
"""

from __future__ import annotations

from pathlib import Path

from prefect import serve
from prefect.deployments.runner import RunnerDeployment

from calmops_flows.api import apply
from calmops_flows.flows.deploy import on_arrival, schedules
from calmops_flows.flows.table import FLOWS
from calmops_flows.spec import read_spec
from calmops_flows.store.store import open_store


def main() -> None:
    """Apply the specs and serve a deployment of each."""
    specs = [read_spec(path) for path in sorted(Path(__file__).parent.glob("*.yaml"))]
    with open_store() as store:
        for spec in specs:
            apply(spec, store)
    deployments = [
        RunnerDeployment.from_flow(
            FLOWS[spec.kind],
            name=spec.name,
            parameters={"pipeline": spec.name},
            schedules=schedules(spec),
            triggers=[on_arrival(spec.name)] if spec.triggers.file_arrival else [],
            tags=["calmops"],
        )
        for spec in specs
    ]
    serve(*deployments)


if __name__ == "__main__":
    main()
