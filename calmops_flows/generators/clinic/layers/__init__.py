"""Layers of molecules: one file each, and one dict."""

from typing import Annotated

from pydantic import Field

from calmops_flows.generators.clinic.layers.base import Features, Layer, Module
from calmops_flows.generators.clinic.layers.metabolites import Metabolites
from calmops_flows.generators.clinic.layers.microarray import Microarray
from calmops_flows.generators.clinic.layers.proteins import Proteins
from calmops_flows.generators.clinic.layers.rna_seq import RnaSeq

LAYERS: dict[str, type[Layer]] = {
    "metabolites": Metabolites,
    "microarray": Microarray,
    "proteins": Proteins,
    "rna_seq": RnaSeq,
}
AnyLayer = Annotated[Metabolites | Microarray | Proteins | RnaSeq, Field(discriminator="kind")]

__all__ = ["LAYERS", "AnyLayer", "Features", "Layer", "Module"]
