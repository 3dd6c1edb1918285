"""Scenarios: folders of snapshots in which something known happens."""

from calmops_flows.generators.scenario.build import generate_scenario, ready
from calmops_flows.generators.scenario.plan import Scenario
from calmops_flows.generators.scenario.project import Projection, project

__all__ = ["Projection", "Scenario", "generate_scenario", "project", "ready"]
