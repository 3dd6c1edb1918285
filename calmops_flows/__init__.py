"""CalmOps: real drift or noise, retrain or keep, and why, as Prefect flows.

Names are loaded when they are first used, so that importing the package is cheap.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from calmops_flows.api import detect_drift, run_pipeline
    from calmops_flows.detectors.decision import DriftPolicy
    from calmops_flows.learning.blockwise import BlockwiseClassifier, BlockwiseRegressor
    from calmops_flows.learning.ipip import IPIPClassifier
    from calmops_flows.records import DriftReport, Outcome
    from calmops_flows.spec import PipelineSpec
    from calmops_flows.store.store import open_store

__version__ = "0.1.0"

_MODULES = {
    "BlockwiseClassifier": "calmops_flows.learning.blockwise",
    "BlockwiseRegressor": "calmops_flows.learning.blockwise",
    "DriftPolicy": "calmops_flows.detectors.decision",
    "DriftReport": "calmops_flows.records",
    "IPIPClassifier": "calmops_flows.learning.ipip",
    "Outcome": "calmops_flows.records",
    "PipelineSpec": "calmops_flows.spec",
    "detect_drift": "calmops_flows.api",
    "open_store": "calmops_flows.store.store",
    "run_pipeline": "calmops_flows.api",
}

__all__ = [  # noqa: RUF022 - the eager name first
    "__version__",
    "BlockwiseClassifier",
    "BlockwiseRegressor",
    "DriftPolicy",
    "DriftReport",
    "IPIPClassifier",
    "Outcome",
    "PipelineSpec",
    "detect_drift",
    "open_store",
    "run_pipeline",
]


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
