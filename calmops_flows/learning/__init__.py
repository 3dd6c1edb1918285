"""From rows to a fitted model, and from a fitted model to predictions."""

from calmops_flows.learning.build import build_estimator, resolve_class
from calmops_flows.learning.columns import features, infer_task, target_values
from calmops_flows.learning.predict import predict
from calmops_flows.learning.retraining import RETRAINERS, Fitted, TrainingContext
from calmops_flows.learning.serialise import dump_model, load_model, manifest, version_mismatches
from calmops_flows.learning.split import split

__all__ = [
    "RETRAINERS",
    "Fitted",
    "TrainingContext",
    "build_estimator",
    "dump_model",
    "features",
    "infer_task",
    "load_model",
    "manifest",
    "predict",
    "resolve_class",
    "split",
    "target_values",
    "version_mismatches",
]
