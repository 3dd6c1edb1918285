"""Fit a challenger, and refit the one that was accepted."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from calmops_flows.data.contract import Contract
from calmops_flows.learning.build import build_estimator
from calmops_flows.learning.custom import fit_custom
from calmops_flows.learning.retraining import RETRAINERS
from calmops_flows.learning.retraining.base import Fitted, TrainingContext
from calmops_flows.learning.split import split
from calmops_flows.steps.code import function_of
from calmops_flows.steps.evaluate import Labels
from calmops_flows.steps.golden import keep_golden
from calmops_flows.steps.ingest import Ingested
from calmops_flows.steps.memory import Memory
from calmops_flows.steps.models import keep_model
from calmops_flows.steps.recipes import custom_function
from calmops_flows.steps.run import SnapshotRun

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Fitter = Callable[[TrainingContext], Fitted]


@dataclass(frozen=True, slots=True)
class Challenger:
    """A fitted model with its artifact, and the rows that taught and that judge.

    ``golden`` is the digest of its golden rows; None while a refit may take its place.
    """

    fitted: Fitted
    artifact: str
    train: NDArray[np.int64]
    holdout: NDArray[np.int64]
    golden: str | None = None


@dataclass(frozen=True, slots=True)
class Refitted:
    """The model that serves after a promotion, and the seconds its fit took."""

    artifact: str
    fit_seconds: float
    golden: str
    notes: tuple[str, ...] = field(default=())
    earlier: tuple[str, ...] = field(default=())


def retrain(run: SnapshotRun, ingested: Ingested, labels: Labels, champion: Any) -> Challenger:
    """Fit a challenger on the training part, in the mode of the spec.

    Raises
    ------
    ModelError
        If the model cannot be built or fitted on these rows.
    """
    taught, judged = parts(run, labels)
    fitted = _fit(run, ingested, labels, champion, taught, judged)
    artifact = keep_model(run.store.artifacts, fitted.estimator)
    return Challenger(fitted, artifact, taught, judged)


def learn_all(run: SnapshotRun, ingested: Ingested, labels: Labels, champion: Any) -> Challenger:
    """Learn from all labelled rows, for a model that holds out rows by itself."""
    everything = np.arange(len(labels.rows))
    fitted = _fit(run, ingested, labels, champion, everything, everything[:0])
    artifact, golden = _keep(run, ingested, fitted)
    return Challenger(fitted, artifact, everything, everything[:0], golden)


def parts(run: SnapshotRun, labels: Labels) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the labelled rows that teach, and those that judge."""
    if labels.judges is not None:
        return np.flatnonzero(~labels.judges), np.flatnonzero(labels.judges)
    rng = np.random.default_rng(run.seed("split"))
    return split(len(labels.rows), run.spec.evaluation, labels.y, rng)


def refit(run: SnapshotRun, ingested: Ingested, labels: Labels, champion: Any) -> Refitted:
    """Fit the accepted recipe once more, on the training and the judging rows."""
    judges = np.zeros(len(labels.rows), bool) if labels.judges is None else labels.judges
    taught, judged = np.flatnonzero(~judges), np.flatnonzero(judges)
    fitted = _fit(run, ingested, labels, champion, taught, judged)
    artifact, golden = _keep(run, ingested, fitted)
    return Refitted(artifact, fitted.fit_seconds, golden, fitted.notes, fitted.earlier)


def _keep(run: SnapshotRun, ingested: Ingested, fitted: Fitted) -> tuple[str, str]:
    """Write a model, and golden rows to know it by when it is loaded elsewhere."""
    artifacts = run.store.artifacts
    artifact = keep_model(artifacts, fitted.estimator)
    return artifact, keep_golden(artifacts, fitted.estimator, ingested.table, ingested.contract)


def features_contract(run: SnapshotRun, contract: Contract) -> Contract:
    """Return the contract without the block column, as a model's encoder sees it."""
    columns = tuple(c for c in contract.columns if c.name != run.block_column)
    return replace(contract, columns=columns)


def _fit(
    run: SnapshotRun,
    ingested: Ingested,
    labels: Labels,
    champion: Any,
    taught: NDArray[np.int64],
    judged: NDArray[np.int64],
) -> Fitted:
    """Fit on some of the labelled rows; no old row that equals one that judges may teach."""
    seed = run.seed("fit")
    train = labels.rows[taught]
    memory = Memory(run, ingested, labels.task, train, labels.rows[judged])
    contract = features_contract(run, ingested.contract)
    context = TrainingContext(
        build=lambda: build_estimator(
            run.spec.model,
            contract,
            task=labels.task,
            random_state=seed,
            trusted=run.store.settings.trusted,
        ),
        table=ingested.table.take(pa.array(train)),
        contract=contract,
        task=labels.task,
        seed=seed,
        champion=champion,
        options=run.spec.retrain,
        past=memory.past(),
        search=run.spec.model.search,
        classes=_known_classes(ingested.contract, labels, champion),
    )
    fitted = run.kind.trainer.fit(run, context, _fitter(run, champion))
    earlier = tuple(sorted({*fitted.earlier, *memory.used}))
    return replace(fitted, notes=(*fitted.notes, *memory.said()), earlier=earlier)


def _fitter(run: SnapshotRun, champion: Any) -> Fitter:
    """Return what fits on the rows of a context: the mode of the spec, or the user's function."""
    mode, function = run.spec.retrain.mode, custom_function(run.spec, champion)
    if function is None:
        return lambda context: RETRAINERS[mode](context)  # noqa: PLW0108 - ipip never asks
    own = function_of(run, function)
    return lambda context: fit_custom(context, *own, mode=mode)


def _known_classes(contract: Contract, labels: Labels, champion: Any) -> tuple[Any, ...]:
    """Return all classes that champion, contract, or any row of the snapshot names."""
    if labels.task == "regression":
        return ()
    known = set(np.unique(labels.y).tolist())
    known |= set(np.asarray(getattr(champion, "classes_", ())).tolist())
    of_target = (c.categories for c in contract.columns if c.name == contract.target)
    for levels in of_target:
        known |= set(levels or ())
    return tuple(sorted(known))
