"""What the user declares: ``PipelineSpec`` and its parts (YAML, Python, JSON)."""

from calmops_flows.spec.base import Part
from calmops_flows.spec.data import Format, LabelsSpec, PredictionsSpec, PreprocessSpec, SourceSpec
from calmops_flows.spec.drift import (
    ColumnDriftSpec,
    DriftSpec,
    MaxDropSpec,
    OverTimeSpec,
    PersistSpec,
)
from calmops_flows.spec.learning import (
    HISTORICAL_MODES,
    BlockSpec,
    BreakerSpec,
    CustomSpec,
    EvaluationSpec,
    IpipSpec,
    PromotionSpec,
    RetrainingMode,
    RetrainSpec,
)
from calmops_flows.spec.model import ModelSpec, SearchSpec, StepSpec
from calmops_flows.spec.operations import RetentionLimit, RetentionSpec, ScheduleSpec, TriggersSpec
from calmops_flows.spec.pipeline import CONTRACT_TYPES, NAME_PATTERN, PipelineSpec
from calmops_flows.spec.reading import dump_spec, json_schema, parse_spec, read_spec

__all__ = [
    "CONTRACT_TYPES",
    "HISTORICAL_MODES",
    "NAME_PATTERN",
    "BlockSpec",
    "BreakerSpec",
    "ColumnDriftSpec",
    "CustomSpec",
    "DriftSpec",
    "EvaluationSpec",
    "Format",
    "IpipSpec",
    "LabelsSpec",
    "MaxDropSpec",
    "ModelSpec",
    "OverTimeSpec",
    "Part",
    "PersistSpec",
    "PipelineSpec",
    "PredictionsSpec",
    "PreprocessSpec",
    "PromotionSpec",
    "RetentionLimit",
    "RetentionSpec",
    "RetrainSpec",
    "RetrainingMode",
    "ScheduleSpec",
    "SearchSpec",
    "SourceSpec",
    "StepSpec",
    "TriggersSpec",
    "dump_spec",
    "json_schema",
    "parse_spec",
    "read_spec",
]
