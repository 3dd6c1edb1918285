"""Simulations: data in which something known happens, and what the detectors say of it."""

from calmops_flows.steps.simulation.preview import preview, snapshot_pages
from calmops_flows.steps.simulation.simulate import simulate
from calmops_flows.steps.simulation.suggest import Choices, Suggestion, choices, suggest

__all__ = [
    "Choices",
    "Suggestion",
    "choices",
    "preview",
    "simulate",
    "snapshot_pages",
    "suggest",
]
