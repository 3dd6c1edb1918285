"""Keep Prefect's server, a worker, the watcher and the dashboard running."""

from __future__ import annotations

from calmops_flows.services.plan import Addresses, Service, plan
from calmops_flows.services.running import Tree, find_tree, hold_tree, stop_tree
from calmops_flows.services.supervisor import Supervisor

__all__ = [
    "Addresses",
    "Service",
    "Supervisor",
    "Tree",
    "find_tree",
    "hold_tree",
    "plan",
    "stop_tree",
]
