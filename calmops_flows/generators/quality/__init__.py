"""How like real rows generated rows are, and what they give away about real ones."""

from calmops_flows.generators.quality.disclosure import Disclosure
from calmops_flows.generators.quality.fidelity import Fidelity
from calmops_flows.generators.quality.report import Quality, measure

__all__ = ["Disclosure", "Fidelity", "Quality", "measure"]
