"""The errors of a model of the first snapshot, and whether they rise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from calmops_flows.data.conform import conform
from calmops_flows.data.contract import Contract, learn
from calmops_flows.detectors.streaming import STREAMING, watch
from calmops_flows.errors import CalmopsError, ModelError, SnapshotError
from calmops_flows.learning.build import build_estimator
from calmops_flows.learning.columns import MOMENT, features, infer_task, target_values
from calmops_flows.spec import ModelSpec

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from calmops_flows.evaluation.metrics import Task

DETECTOR = "auto"
_LEAVES = {"min_samples_leaf": 10}
_TREES = {
    "classification": "sklearn.tree.DecisionTreeClassifier",
    "regression": "sklearn.tree.DecisionTreeRegressor",
}


@dataclass(frozen=True, slots=True)
class Errors:
    """The mean error on a snapshot, and what the detector said; or why there is nothing."""

    mean: float | None
    is_rise: bool | None
    note: str = ""
    is_refused: bool = False


@dataclass(slots=True)
class Watcher:
    """A tree of the first half of the first snapshot, and a detector on its errors."""

    contract: Contract
    task: Task
    estimator: Any
    scale: float
    state: bytes | None = None

    @classmethod
    def fitted(cls, table: pa.Table, target: str, *, random_state: int) -> Watcher:
        """Fit on the first half; the errors of the second half are what is usual."""
        table = _without_moments(table, target)
        contract = learn(table, target=target)
        task = infer_task(table.column(target))
        half = table.num_rows // 2
        model = ModelSpec.model_validate({"class": _TREES[task], "params": _LEAVES})
        estimator = build_estimator(model, contract, task=task, random_state=random_state)
        y, labelled = target_values(table.slice(0, half), target, task)
        estimator.fit(features(table.slice(0, half), contract)[labelled], y)
        found = cls(contract, task, estimator, 1.0)
        if task == "regression":
            gaps = found.gaps(table.slice(half))
            found.scale = float(np.median(gaps)) or float(np.finfo(np.float64).tiny)
        found.take(table.slice(half))
        return found

    def gaps(self, table: pa.Table) -> NDArray[np.float64]:
        """Return 0 or 1 of a class, the absolute error of a number, by labelled row."""
        target = str(self.contract.target)
        known = conform(table, self.contract).table
        truth, labelled = target_values(known, target, self.task)
        said = self.estimator.predict(features(known, self.contract))[labelled]
        if self.task == "classification":
            return np.asarray(said != truth, dtype=np.float64)
        return np.asarray(np.abs(said.astype(np.float64) - truth), dtype=np.float64)

    def take(self, table: pa.Table) -> Errors:
        """Score a snapshot and let the detector see its errors."""
        try:
            errors = self.gaps(table)
        except (SnapshotError, ModelError) as err:
            return Errors(None, None, f"the contract refuses it: {err}", is_refused=True)
        if self.task == "regression":
            errors = errors / (errors + self.scale)
        found = watch(STREAMING[DETECTOR], errors, self.state)
        self.state = found.state
        mean = float(errors.mean()) if len(errors) else None
        return Errors(mean, found.is_drift, found.reason or "")


def watcher(table: pa.Table, target: str, *, random_state: int) -> Watcher | str:
    """Return a watcher, or why no model can be fitted."""
    try:
        return Watcher.fitted(table, target, random_state=random_state)
    except CalmopsError as err:
        return str(err)


def _without_moments(table: pa.Table, target: str) -> pa.Table:
    """Leave out dates: a tree knows nothing of those that it has not seen."""
    types = learn(table, target=target).types
    return table.select([name for name in table.column_names if types[name] not in MOMENT])
