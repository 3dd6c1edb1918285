"""Deploy every applied pipeline: ``python -m calmops_flows.services.deploying POOL``."""

from __future__ import annotations

import sys

from calmops_flows.flows.deploy import deploy
from calmops_flows.store.pipelines import pipeline_names
from calmops_flows.store.store import open_store


def deploy_all(pool: str) -> list[str]:
    """Bring the deployments of all pipelines up to date; return their names.

    Raises
    ------
    PrefectUnreachableError
        If the Prefect API does not answer or refuses.
    """
    with open_store() as store:
        return [deploy(name, store, work_pool=pool).name for name in pipeline_names(store.database)]


if __name__ == "__main__":
    for _name in deploy_all(sys.argv[1]):
        sys.stdout.write(f"deployed {_name}\n")
