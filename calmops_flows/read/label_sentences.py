"""Say where predictions lie, and what their labels showed when they came."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from calmops_flows.read.views import Explanation, LabelsView, PredictionsView

SHOWN = 10


def labels_and_predictions(explanation: Explanation) -> Iterator[str]:
    """Yield sentences on the predictions for a snapshot and on labels that came later."""
    if explanation.predictions is not None:
        yield _predictions(explanation.predictions)
    if explanation.labels is not None:
        yield from _labels(explanation.labels)


def _predictions(found: PredictionsView) -> str:
    text = (
        f"The predictions of version {found.version} for {found.rows:,} rows are artifact "
        f"{found.artifact[:12]}"
    )
    if found.written_to is None:
        return f"{text}."
    verb = "and were written to" if found.is_written else "and wait to be written to"
    return f"{text}, {verb} {found.written_to}."


def _labels(found: LabelsView) -> Iterator[str]:
    files = ", ".join(found.files[:SHOWN])
    more = f" … and {len(found.files) - SHOWN} more" if len(found.files) > SHOWN else ""
    yield f"Labels came later: {found.labelled:,} of {found.rows:,} rows have one ({files}{more})."
    if found.contradictions:
        yield (
            f"Of these, {found.contradictions:,} were given different labels; the one of the last "
            "file by name counts."
        )
    scores = []
    for name, value in found.realised.items():
        if value is None:
            continue
        before = found.estimated.get(name)
        guess = "" if before is None else f" (estimated {before:.4g})"
        scores.append(f"{name} {value:.4g}{guess}")
    if scores:
        yield f"On these labels the predictions scored: {', '.join(scores)}."
