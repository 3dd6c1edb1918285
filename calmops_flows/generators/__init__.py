"""Data with known properties: synthetic streams, rows like real ones, injected drift, scenarios."""

from calmops_flows.generators.injection.inject import Injected, inject
from calmops_flows.generators.synthesis.synthesize import Synthesized, synthesize
from calmops_flows.generators.synthetic.friedman_drift import friedman_drift
from calmops_flows.generators.synthetic.stream import Generated, generate

__all__ = [
    "Generated",
    "Injected",
    "Synthesized",
    "friedman_drift",
    "generate",
    "inject",
    "synthesize",
]
