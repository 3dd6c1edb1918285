"""Fields that are validated but whose behaviour comes later."""

from __future__ import annotations

from collections.abc import Callable

from calmops_flows.errors import NotYetError
from calmops_flows.spec.pipeline import PipelineSpec

# Fields that are validated but whose behaviour comes later; each row vanishes as it lands.
NOT_YET: dict[str, Callable[[PipelineSpec], bool]] = {
    "labels (of kinds other than stream)": lambda s: s.labels is not None and s.kind != "stream",
}


def refuse_not_yet(spec: PipelineSpec) -> None:
    """Raise NotYetError if the spec uses a field whose behaviour is still missing."""
    used = [field for field, uses in NOT_YET.items() if uses(spec)]
    if used:
        raise NotYetError(f"pipeline {spec.name!r}: not yet in this version: {', '.join(used)}")
