"""Effects of a disease: one file each, and one dict."""

from typing import Annotated

from pydantic import Field

from calmops_flows.generators.clinic.effects.base import Effect, Place
from calmops_flows.generators.clinic.effects.fold_change import FoldChange
from calmops_flows.generators.clinic.effects.polynomial import Polynomial
from calmops_flows.generators.clinic.effects.power import Power
from calmops_flows.generators.clinic.effects.shift import Shift
from calmops_flows.generators.clinic.effects.sigmoid import Sigmoid
from calmops_flows.generators.clinic.effects.subgroup import Subgroup
from calmops_flows.generators.clinic.effects.variance import Variance

EFFECTS: dict[str, type[Effect]] = {
    "fold_change": FoldChange,
    "polynomial": Polynomial,
    "power": Power,
    "shift": Shift,
    "sigmoid": Sigmoid,
    "subgroup": Subgroup,
    "variance": Variance,
}
AnyEffect = Annotated[
    FoldChange | Polynomial | Power | Shift | Sigmoid | Subgroup | Variance,
    Field(discriminator="kind"),
]

__all__ = ["EFFECTS", "AnyEffect", "Effect", "Place"]
