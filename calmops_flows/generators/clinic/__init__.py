"""Clinical studies: cohorts, molecules, effects, visits, and the truth about them."""

from calmops_flows.generators.clinic.build import Clinical, generate_study, write_study
from calmops_flows.generators.clinic.effects import EFFECTS
from calmops_flows.generators.clinic.layers import LAYERS
from calmops_flows.generators.clinic.load import parse_study, ready_studies
from calmops_flows.generators.clinic.study import Study

__all__ = [
    "EFFECTS",
    "LAYERS",
    "Clinical",
    "Study",
    "generate_study",
    "parse_study",
    "ready_studies",
    "write_study",
]
