"""Whether a model that learnt generated rows is as good on real ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from threadpoolctl import threadpool_limits

from calmops_flows.errors import UntestableError

if TYPE_CHECKING:
    from calmops_flows.generators.quality.samples import Samples
    from calmops_flows.generators.synthesis.columns import Floats

Metric = Literal["roc_auc", "balanced_accuracy", "r2"]
MIN_ROWS = 20


@dataclass(frozen=True, slots=True)
class Efficacy:
    """Two models on the same real rows, which neither learnt.

    Parameters
    ----------
    target : str
        What they predict.
    metric : {"roc_auc", "balanced_accuracy", "r2"}
        Two classes, more classes, numbers.
    real : float
        Score of the model that learnt real rows.
    generated : float
        Score of the model that learnt generated rows.
    """

    target: str
    metric: Metric
    real: float
    generated: float

    @property
    def loss(self) -> float:
        """How much worse the model of generated rows is."""
        return self.real - self.generated


def efficacy(samples: Samples, target: str, rng: np.random.Generator) -> Efficacy:
    """Train boosted trees on real and on generated rows, and test both on real rows.

    Parameters
    ----------
    samples : Samples
        Real rows to learn, generated rows, and real rows to test.
    target : str
        What is predicted; rows without it are left out.
    rng : numpy.random.Generator
        Where randomness comes from.

    Raises
    ------
    SpecError
        If the target is no column.
    UntestableError
        If a table has fewer than 20 rows with a target, or a single class.
    """
    at = samples.at(target)
    parts = [part[~np.isnan(part[:, at])] for part in samples.parts]
    values = [part[:, at] for part in parts]
    for name, one in zip(("real", "generated", "held-out"), values, strict=True):
        if len(one) < MIN_ROWS or len(np.unique(one)) < 2:
            raise UntestableError(
                f"the {name} rows with a {target!r} are {len(one)} with "
                f"{len(np.unique(one))} different values; {MIN_ROWS} rows and 2 values are needed"
            )
    column, n_classes = samples.columns[at], len(np.unique(np.concatenate(values)))
    X = [np.delete(part, at, axis=1) for part in parts]
    if not X[0].shape[1]:
        raise UntestableError("there is no column to predict from")
    is_classes = column.is_category or n_classes == 2
    seed = int(rng.integers(2**31))
    with threadpool_limits(limits=1):
        score = [
            _score(is_classes, (X[number], values[number]), (X[2], values[2]), seed, n_classes)
            for number in (0, 1)
        ]
    return Efficacy(target, _metric(is_classes, n_classes), *score)


def _metric(is_classes: bool, n: int) -> Metric:
    if not is_classes:
        return "r2"
    return "roc_auc" if n == 2 else "balanced_accuracy"


def _score(
    is_classes: bool, learnt: tuple[Floats, Floats], test: tuple[Floats, Floats], seed: int, n: int
) -> float:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.metrics import balanced_accuracy_score, r2_score, roc_auc_score

    kind: Any = HistGradientBoostingClassifier if is_classes else HistGradientBoostingRegressor
    model = kind(max_iter=60, random_state=seed).fit(*learnt)
    if not is_classes:
        return float(r2_score(test[1], model.predict(test[0])))
    if n == 2:
        return float(roc_auc_score(test[1], model.predict_proba(test[0])[:, 1]))
    return float(balanced_accuracy_score(test[1], model.predict(test[0])))
