"""What Python users call: apply and run pipelines, detect drift, simulate it."""

from calmops_flows.api.drift import detect_drift
from calmops_flows.api.run import apply, resolve_pipeline, run, run_pipeline
from calmops_flows.api.simulation import (
    preview_comparison,
    report_simulation,
    simulate,
    simulation_choices,
    suggest_injection,
)
from calmops_flows.api.switch import promote, roll_back

__all__ = [
    "apply",
    "detect_drift",
    "preview_comparison",
    "promote",
    "report_simulation",
    "resolve_pipeline",
    "roll_back",
    "run",
    "run_pipeline",
    "simulate",
    "simulation_choices",
    "suggest_injection",
]
