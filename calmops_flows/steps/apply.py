"""Put specs in the store, and find the pipeline that a user means."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from calmops_flows.spec import NAME_PATTERN, PipelineSpec, read_spec
from calmops_flows.steps.code import with_code
from calmops_flows.steps.drain import utc_now
from calmops_flows.steps.validate import validate
from calmops_flows.store.pipelines import apply_spec

if TYPE_CHECKING:
    from datetime import datetime

    from calmops_flows.store.store import Store


def apply(spec: PipelineSpec, store: Store, *, now: datetime | None = None) -> int:
    """Validate a spec and put it in the store.

    Returns
    -------
    int
        Its revision; the same spec again keeps its revision.

    Raises
    ------
    SpecError
        If the spec could not run.
    """
    validate(spec, store.settings)
    spec = with_code(spec, store.artifacts)
    return apply_spec(store.database, spec, now=now or utc_now())


def resolve_pipeline(pipeline: PipelineSpec | str | Path, store: Store) -> str:
    """Return the name of an applied pipeline; a spec or the path of one is applied first."""
    if isinstance(pipeline, PipelineSpec):
        apply(pipeline, store)
        return pipeline.name
    if isinstance(pipeline, Path) or is_spec_file(pipeline):
        spec = read_spec(pipeline)
        apply(spec, store)
        return spec.name
    return pipeline


def is_spec_file(text: str) -> bool:
    """Tell whether a text that should name a pipeline is rather the path of a spec."""
    return text.endswith((".yaml", ".yml", ".json")) or not re.match(NAME_PATTERN, text)
