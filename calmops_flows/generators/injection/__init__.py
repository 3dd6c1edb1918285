"""Injectors: one file each, and one dict."""

from calmops_flows.generators.injection.base import Changed, Injector
from calmops_flows.generators.injection.concept_flip import ConceptFlip
from calmops_flows.generators.injection.correlation import Correlation
from calmops_flows.generators.injection.covariate_shift import CovariateShift
from calmops_flows.generators.injection.duplicates import Duplicates
from calmops_flows.generators.injection.freeze import Freeze
from calmops_flows.generators.injection.label_noise import LabelNoise
from calmops_flows.generators.injection.label_shift import LabelShift
from calmops_flows.generators.injection.missing import Missing
from calmops_flows.generators.injection.new_category import NewCategory
from calmops_flows.generators.injection.noise import Noise
from calmops_flows.generators.injection.outliers import Outliers
from calmops_flows.generators.injection.quantile_map import QuantileMap
from calmops_flows.generators.injection.replace_category import ReplaceCategory
from calmops_flows.generators.injection.rule_change import RuleChange
from calmops_flows.generators.injection.scale import Scale
from calmops_flows.generators.injection.schema_change import SchemaChange
from calmops_flows.generators.injection.shift import Shift
from calmops_flows.generators.injection.unit_change import UnitChange
from calmops_flows.generators.injection.vanished_category import VanishedCategory

INJECTORS: dict[str, type[Injector]] = {
    "concept_flip": ConceptFlip,
    "correlation": Correlation,
    "covariate_shift": CovariateShift,
    "duplicates": Duplicates,
    "freeze": Freeze,
    "label_noise": LabelNoise,
    "label_shift": LabelShift,
    "missing": Missing,
    "new_category": NewCategory,
    "noise": Noise,
    "outliers": Outliers,
    "quantile_map": QuantileMap,
    "replace_category": ReplaceCategory,
    "rule_change": RuleChange,
    "scale": Scale,
    "schema_change": SchemaChange,
    "shift": Shift,
    "unit_change": UnitChange,
    "vanished_category": VanishedCategory,
}

__all__ = ["INJECTORS", "Changed", "Injector"]
