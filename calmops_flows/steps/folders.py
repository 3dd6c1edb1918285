"""The folders of a pipeline must not feed one another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calmops_flows.errors import SpecError
from calmops_flows.store.exports import local_path

if TYPE_CHECKING:
    from calmops_flows.spec import PipelineSpec


def check_folders(spec: PipelineSpec) -> None:
    """Refuse predictions that would arrive as data, and labels that would too.

    Raises
    ------
    SpecError
        If ``predictions.path`` lies in the source or among the labels, or if every file of one
        of source and labels would be found in the other.
    """
    watched = {"source.path": spec.source.path}
    if spec.labels is not None:
        watched["labels.path"] = spec.labels.path
        _check_labels(spec.source.path, spec.source.pattern, spec.labels.path, spec.labels.pattern)
    if spec.predictions is None:
        return
    for field, path in watched.items():
        if _lies_in(spec.predictions.path, path):
            raise SpecError(
                f"predictions.path {spec.predictions.path!r} lies in {field} {path!r}, so "
                "predictions would arrive as files; choose a folder outside"
            )


def _check_labels(source: str, pattern: str, labels: str, label_pattern: str) -> None:
    swallows = pattern == "*" and _lies_in(labels, source)
    if swallows or (label_pattern == "*" and _lies_in(source, labels)):
        raise SpecError(
            f"source.path {source!r} and labels.path {labels!r} overlap, so data and labels cannot "
            "be told apart; choose folders beside one another, or patterns that exclude each other"
        )


def _lies_in(inner: str, outer: str) -> bool:
    inside, outside = local_path(inner), local_path(outer)
    if inside is None or outside is None:
        return f"{inner.rstrip('/')}/".startswith(f"{outer.rstrip('/')}/")
    return inside.absolute().resolve().is_relative_to(outside.absolute().resolve())
