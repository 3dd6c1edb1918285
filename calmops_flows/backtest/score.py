"""Score replays: every policy on the same rows, each before it learnt from them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import select

from calmops_flows.errors import UntestableError
from calmops_flows.evaluation.case import Case
from calmops_flows.evaluation.metrics import evaluate, find_metric
from calmops_flows.evaluation.predictions import Predictions
from calmops_flows.learning.columns import target_values
from calmops_flows.records import Role, SnapshotState
from calmops_flows.steps.ingest import read_copy
from calmops_flows.steps.predictions import from_bytes
from calmops_flows.store import registry
from calmops_flows.store.tables import predictions, snapshots

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from calmops_flows.evaluation.metrics import Task
    from calmops_flows.store.store import Store

    Key = tuple[str, str | None]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Labels of one snapshot, and what the champion of then said; None: there was none."""

    y: NDArray[Any]
    said: Predictions | None


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """All labelled snapshots of one replay, in the order they were processed."""

    task: Task
    parts: Mapping[Key, Part]

    @property
    def scored(self) -> set[Key]:
        """The snapshots that a champion was scored on."""
        return {key for key, part in self.parts.items() if part.said is not None}


def read_said(store: Store, name: str, target: str) -> Said | None:
    """Read labels and predictions of a replay from its store; None without a model."""
    models = registry.versions(store.database, name)
    if not models:
        return None
    task: Task = json.loads(store.artifacts.get(models[0].manifest))["task"]
    query = (
        select(snapshots, predictions.c.artifact)
        .outerjoin(predictions, predictions.c.snapshot_id == snapshots.c.id)
        .where(
            snapshots.c.pipeline == name,
            snapshots.c.role == Role.DATA,
            snapshots.c.state == SnapshotState.PROCESSED,
            snapshots.c.data_digest.is_not(None),
        )
        .order_by(snapshots.c.sequence)
    )
    with store.database.read() as connection:
        rows = connection.execute(query).all()
    parts: dict[Key, Part] = {}
    for row in rows:
        table = read_copy(store.artifacts, row.data_digest)
        if target not in table.column_names:
            continue
        y, is_labelled = target_values(table, target, task)
        if len(y) == 0:
            continue
        said = None
        if row.artifact is not None:
            said = from_bytes(store.artifacts.get(row.artifact)).take(is_labelled)
        parts[row.path, row.block] = Part(y, said)
    return Said(task, parts)


def pooled_scores(said: Said, keys: Sequence[Key]) -> dict[str, float | None]:
    """Score the rows of some snapshots together, in every metric of the task."""
    parts = [said.parts[key] for key in keys]
    answers = [part.said for part in parts if part.said is not None]
    y = np.concatenate([part.y for part in parts])
    return dict(evaluate(said.task, y, _joined(answers)).metrics)


def no_change(said: Said, keys: Sequence[Key], metric: str) -> float | None:
    """Score the label of the row before as the prediction, row by row."""
    chosen = set(keys)
    y = np.concatenate([part.y for part in said.parts.values()])
    lengths = [len(part.y) for part in said.parts.values()]
    is_scored = np.repeat([key in chosen for key in said.parts], lengths)
    is_scored[0] = False  # nothing comes before the first row
    before = np.concatenate([y[:1], y[:-1]])
    try:
        case = Case(y[is_scored], Predictions(before[is_scored]))
        return find_metric(metric, said.task).score(case)
    except UntestableError:
        return None


def _joined(answers: Sequence[Predictions]) -> Predictions:
    """Put answers behind one another; probabilities only if all know the same classes."""
    values = np.concatenate([answer.values for answer in answers])
    classes = answers[0].classes
    probabilities = [a.probabilities for a in answers if a.probabilities is not None]
    if len(probabilities) < len(answers) or any(a.classes != classes for a in answers):
        return Predictions(values)
    return Predictions(values, np.concatenate(probabilities), classes)
