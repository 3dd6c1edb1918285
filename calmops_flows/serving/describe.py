"""What the server says about its pipelines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from calmops_flows.data.kinds import KEY
from calmops_flows.serving.answer import COMPILED, ORDINARY, plain

if TYPE_CHECKING:
    from calmops_flows.serving.model import Served
    from calmops_flows.serving.slots import Slot


def describe_pipeline(slot: Slot) -> dict[str, Any]:
    """Return which model answers for a pipeline, and why it is not the newest if so."""
    served = slot.current
    return {
        "name": slot.name,
        "status": slot.status,
        "reason": slot.fault,
        "kind": served.kind if served else None,
        "task": served.task if served else None,
        "version": served.version if served else None,
        "digest": served.digest if served else None,
        "path": _path(served) if served else None,
        "notes": list(served.notes) if served else [],
    }


def _path(served: Served) -> str:
    """Say whether few rows are answered compiled, and why not."""
    return COMPILED if served.quick is not None else f"{ORDINARY}: {served.quick_reason}"


def describe_schema(served: Served) -> dict[str, Any]:
    """Return the columns that a request brings, by the contract."""
    contract = served.contract
    classes = getattr(served.estimator, "classes_", None)
    return {
        "pipeline": served.pipeline,
        "version": served.version,
        "task": served.task,
        "target": contract.target,
        "classes": None if classes is None else plain(np.asarray(classes)),
        "block_column": served.block_column,
        "columns": [
            {
                "name": column.name,
                "type": column.type,
                "required": column.required,
                "is_feature": column.type != KEY and column.name != served.block_column,
                "categories": None if column.categories is None else list(column.categories),
                "minimum": column.minimum,
                "maximum": column.maximum,
            }
            for column in contract.columns
            if column.name != contract.target
        ],
    }
