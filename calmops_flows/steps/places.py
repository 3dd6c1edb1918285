"""Where the files of the ledger lie: data and labels each have a source."""

from __future__ import annotations

from calmops_flows.data.arrivals import LABELS
from calmops_flows.records import Role, Snapshot
from calmops_flows.spec import PipelineSpec, SourceSpec

_SHARED_OPTIONS = ("decimal", "date_format", "encoding")


def label_source(spec: PipelineSpec) -> SourceSpec | None:
    """Return where label files arrive, None if labels come with the rows."""
    if spec.labels is None:
        return None
    options = spec.source.read_options
    return SourceSpec(
        path=spec.labels.path,
        pattern=spec.labels.pattern,
        read_options={name: options[name] for name in _SHARED_OPTIONS if name in options},
        settle_seconds=spec.source.settle_seconds,
    )


def source_of(spec: PipelineSpec, snapshot: Snapshot) -> tuple[SourceSpec, str]:
    """Return the source that a file of the ledger lies in, and its path there."""
    labels = label_source(spec)
    if snapshot.role is Role.LABELS and labels is not None:
        return labels, snapshot.path.removeprefix(LABELS)
    return spec.source, snapshot.path
