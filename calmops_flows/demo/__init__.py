"""A pipeline watches a year of real flights, month by month."""

from calmops_flows.demo.run import run_demo

__all__ = ["run_demo"]
