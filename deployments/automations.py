"""Put the automations of every pipeline of ``prefect.yaml`` on the server.

Run it after ``prefect deploy --all``, which knows only triggers; `calmops deploy` needs it not.
Running it again changes nothing.
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml
from prefect.client.orchestration import get_client

from calmops_flows.flows.automations import renew_automations
from calmops_flows.flows.deploy import find_deployment

PREFECT_YAML = Path(__file__).parents[1] / "prefect.yaml"


def renew_all(prefect_yaml: Path) -> list[str]:
    """Renew the automations of what is declared and deployed; return the names."""
    declared = yaml.safe_load(prefect_yaml.read_text(encoding="utf-8"))["deployments"]
    done = []
    with get_client(sync_client=True) as client:
        for name in [entry["name"] for entry in declared]:
            found = find_deployment(client, name)
            if found is not None:
                renew_automations(client, name, found.id)
                done.append(name)
    return done


if __name__ == "__main__":
    for renewed in renew_all(PREFECT_YAML):
        sys.stdout.write(f"{renewed}\n")
