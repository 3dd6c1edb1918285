"""A fitted model's answer to a few rows, without what its library does for many."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from calmops_flows.errors import ModelError
from calmops_flows.learning.ask import ask
from calmops_flows.learning.problems import elected, probabilities

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from calmops_flows.learning.ask import Said

    Floats = NDArray[np.float64]


def direct(model: Any) -> Callable[[Floats], Said]:
    """Return the shortest known way to a model's answers.

    Forests hand their trees to threads and gradient boosting wakes a thread for each core, which
    costs milliseconds for one row; here the calling thread does it alone. Any other model is asked
    as usual.

    Parameters
    ----------
    model : estimator
        Fitted, with one output.

    Returns
    -------
    callable
        From finite numbers of shape (n, n_features) to what `ask` returns.
    """
    classes = getattr(model, "classes_", None)
    return _known(model, classes) or (lambda X: ask(model, X, classes))


def _known(model: Any, classes: Any) -> Callable[[Floats], Said] | None:
    kind = type(model)
    found = _KNOWN.get((kind.__module__.partition(".")[0], kind.__name__))
    return None if found is None else found(model, classes)


def _forest(model: Any, classes: Any) -> Callable[[Floats], Said] | None:
    trees = [one.tree_ for one in model.estimators_]
    if model.n_outputs_ != 1:
        return None

    def way(X: Floats) -> Said:
        narrow = X.astype(np.float32)
        if not np.isfinite(narrow).all():
            raise ModelError("the rows hold numbers beyond 32 bits, which trees cannot read")
        total = np.zeros((len(X), 1 if classes is None else len(classes)))
        for tree in trees:
            total += tree.predict(narrow)[:, : total.shape[1]]
        total /= len(trees)
        return (total[:, 0], None) if classes is None else _most_probable(total, classes)

    return way


def _histogram_boosting(model: Any, classes: Any) -> Callable[[Floats], Said] | None:
    if not hasattr(model, "_raw_predict") or not hasattr(model, "_loss"):  # private, since 1.0
        return None

    def way(X: Floats) -> Said:
        raw = model._raw_predict(X, n_threads=1)
        if classes is None:
            return model._loss.link.inverse(raw.ravel()), None
        codes = (raw.ravel() > 0).astype(int) if raw.shape[1] == 1 else raw.argmax(axis=1)
        return classes[codes], np.asarray(model._loss.predict_proba(raw), dtype=np.float64)

    return way


def _lightgbm(model: Any, classes: Any) -> Callable[[Floats], Said] | None:
    usual = {"verbose", "verbosity"}
    if set(model.get_params()) - set(type(model)().get_params()) - usual:
        return None  # parameters of the booster may change how it predicts
    booster = model.booster_

    def way(X: Floats) -> Said:
        said = np.asarray(booster.predict(X, num_threads=1), dtype=np.float64)
        if classes is None:
            return said, None
        shares = said if said.ndim == 2 else np.column_stack([1.0 - said, said])
        return _most_probable(shares, classes)

    return way if not callable(model.objective_) else None


class _Positive:
    """A model of an IPIP ensemble, asked directly for the probability of its positive class."""

    def __init__(self, way: Callable[[Floats], Said]) -> None:
        self._way = way

    def predict_proba(self, X: Floats) -> Floats | None:
        """Return the probabilities of both classes."""
        return self._way(X)[1]


def _ipip(model: Any, classes: Any) -> Callable[[Floats], Said]:
    def positive(one: Any) -> Any:
        way = _known(one, getattr(one, "classes_", None))
        return one if way is None else _Positive(way)

    problems = tuple(
        replace(
            problem,
            ensembles=tuple(
                replace(ensemble, models=tuple(positive(one) for one in ensemble.models))
                for ensemble in problem.ensembles
            ),
        )
        for problem in model.problems_
    )

    def way(X: Floats) -> Said:
        shares = probabilities(problems, X)
        votes = elected(problems, X) if model.voting == "quorum" else shares
        return classes[votes.argmax(axis=1)], shares

    return way


def _most_probable(probabilities: Floats, classes: Any) -> Said:
    return np.asarray(classes)[probabilities.argmax(axis=1)], probabilities


_KNOWN: dict[tuple[str, str], Callable[[Any, Any], Callable[[Floats], Said] | None]] = {
    ("sklearn", "RandomForestClassifier"): _forest,
    ("sklearn", "RandomForestRegressor"): _forest,
    ("sklearn", "ExtraTreesClassifier"): _forest,
    ("sklearn", "ExtraTreesRegressor"): _forest,
    ("sklearn", "HistGradientBoostingClassifier"): _histogram_boosting,
    ("sklearn", "HistGradientBoostingRegressor"): _histogram_boosting,
    ("lightgbm", "LGBMClassifier"): _lightgbm,
    ("lightgbm", "LGBMRegressor"): _lightgbm,
    ("calmops_flows", "IPIPClassifier"): _ipip,
}
