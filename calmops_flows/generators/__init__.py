"""Data with known properties: synthetic streams, injected drift, scenarios."""

from calmops_flows.generators.injection.inject import Injected, inject
from calmops_flows.generators.synthetic.friedman_drift import friedman_drift
from calmops_flows.generators.synthetic.stream import Generated, generate

__all__ = ["Generated", "Injected", "friedman_drift", "generate", "inject"]
