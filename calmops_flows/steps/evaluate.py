"""Score the champion on a snapshot before anyone learns from it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from calmops_flows.errors import ModelError, SnapshotError
from calmops_flows.evaluation.intervals import with_bounds
from calmops_flows.evaluation.metrics import Task, evaluate
from calmops_flows.evaluation.predictions import Predictions
from calmops_flows.evaluation.score_counts import count_scores
from calmops_flows.learning.columns import infer_task, target_values
from calmops_flows.learning.predict import predict
from calmops_flows.learning.serialise import version_mismatches
from calmops_flows.records import Evaluation, ModelVersion
from calmops_flows.steps.ingest import Ingested
from calmops_flows.steps.models import read_model
from calmops_flows.steps.predictions import to_bytes
from calmops_flows.steps.run import SnapshotRun
from calmops_flows.store import registry

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Champion:
    """The serving model, loaded from bytes that matched their digest."""

    version: ModelVersion
    estimator: Any
    manifest: dict[str, Any]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Labels:
    """Target of the labelled rows of a snapshot.

    ``rows`` are their positions, ``y`` the values at these positions; ``judges`` marks
    those that judge and never train, when they are not to be drawn.
    """

    task: Task
    rows: NDArray[np.int64]
    y: NDArray[Any]
    judges: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True)
class Scored:
    """The champion's predictions for all rows, and its scores on the labelled ones.

    ``counts`` is what curves are drawn from, as text.
    """

    predictions: Predictions
    evaluation: Evaluation | None
    artifact: str
    counts: str | None = None


def load_champion(run: SnapshotRun) -> Champion | None:
    """Load the serving model, or return None when there is none yet.

    Raises
    ------
    DigestMismatchError
        If its bytes were changed; nothing is unpickled then.
    """
    if run.state.champion is None:
        return None
    version = registry.version(run.store.database, run.spec.name, run.state.champion)
    manifest = json.loads(run.store.artifacts.get(version.manifest))
    estimator = read_model(run.store.artifacts, version.artifact)
    return Champion(version, estimator, manifest, version_mismatches(manifest))


def read_labels(run: SnapshotRun, ingested: Ingested, champion: Champion | None) -> Labels:
    """Return the target of the labelled rows; the task stays that of the champion."""
    target = run.spec.target or ""
    table = ingested.table
    if target not in table.column_names or table.column(target).null_count == table.num_rows:
        return _no_labels(run, champion)
    column = table.column(target)
    task = champion.manifest["task"] if champion else infer_task(column, run.spec.task)
    try:
        y, is_labelled = target_values(ingested.table, target, task)
    except ModelError as err:
        raise SnapshotError("target", str(err)) from err
    return Labels(task, np.flatnonzero(is_labelled), y)


def _no_labels(run: SnapshotRun, champion: Champion | None) -> Labels:
    """Return no labels; without a champion nothing rests on their task yet."""
    task: Task = "regression" if run.spec.task == "regression" else "classification"
    if champion is not None:
        task = champion.manifest["task"]
    return Labels(task, np.empty(0, dtype=np.int64), np.empty(0))


def evaluate_champion(
    run: SnapshotRun, ingested: Ingested, champion: Champion, labels: Labels
) -> Scored:
    """Predict all rows, keep the predictions, score the labelled rows."""
    predictions = predict(champion.estimator, ingested.table, ingested.contract)
    evaluation, counts = None, None
    if len(labels.rows):
        known = predictions.take(labels.rows)
        evaluation = with_bounds(evaluate(labels.task, labels.y, known), labels.y, known)
        counts = count_scores(labels.task, labels.y, known)
    artifact = run.store.artifacts.put(to_bytes(predictions))
    return Scored(predictions, evaluation, artifact, counts.to_json() if counts else None)
